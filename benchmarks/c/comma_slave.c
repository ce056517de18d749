/* A supply that answers Spellman's comma protocol on a pseudo-terminal: command 22 with 17 flags, as an XRV does, anything else with error 2.
   It knows framing and check character, and no supply. */

#include "common.h"

static char check(const char *body, size_t length)
{
    unsigned sum = 0;
    for (size_t i = 0; i < length; i++)
        sum += (unsigned char)body[i];
    return (char)((-sum & 0x7F) | 0x40);
}

static size_t framed(char *out, const char *body)
{
    size_t length = strlen(body);
    out[0] = 0x02;
    memcpy(out + 1, body, length);
    out[length + 1] = check(body, length);
    out[length + 2] = 0x03;
    return length + 3;
}

int main(void)
{
    char in[256], flags[128], refusal[32];
    size_t held = 0;
    size_t flags_length = framed(flags, "22,0,1,1,0,0,0,1,0,0,0,1,0,0,0,0,1,1,");
    size_t refusal_length = framed(refusal, "22,2,");
    end_with_parent();
    int line = pseudo_terminal();
    for (;;) {
        ssize_t got = read(line, in + held, sizeof in - held);
        if (got <= 0)
            die("read");
        held += (size_t)got;
        if (in[held - 1] != 0x03 && held < sizeof in)
            continue;
        int sound = held >= 5 && in[0] == 0x02 && check(in + 1, held - 3) == in[held - 2];
        int asked = sound && held == 6 && memcmp(in + 1, "22,", 3) == 0;
        held = 0;
        if (sound && write(line, asked ? flags : refusal, asked ? flags_length : refusal_length) < 0)
            die("write");
    }
}
