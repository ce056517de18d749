"""What `kerma drivers` does: shows what a device can, checks one on its link, writes the files of a new one. Nothing here drives a rig."""
