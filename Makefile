.DEFAULT_GOAL := help
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ok
COVERED := $(wildcard tests/controller/test_decide_*.py tests/controller/test_latches*.py tests/controller/test_settings*.py tests/controller/test_stray*.py) $(addprefix tests/controller/test_,drive.py exposure.py states.py off.py ends.py channels.py kernel_plain.py)
export OPENBLAS_NUM_THREADS = 1
# what pytest makes of each test file is kept beside it: without that every process makes it anew, 16 s of work each
unexport PYTHONDONTWRITEBYTECODE
# where virtual time keeps its files: in memory where 2 GB are free, for on a disk a third of the time of the records' tests is waiting. Real processes keep theirs on the disk
IN_MEMORY = $(shell test "$$(df --output=avail /dev/shm 2>/dev/null | tail -n 1)" -gt 2000000 2>/dev/null && awk '$$1 == "MemAvailable:" && $$2 > 4000000 {print "/dev/shm"}' /proc/meminfo)
# files with a test in real time; the process that plays those need not read the others
REAL = $(shell grep -l 'mark\.realtime' -r tests --include='test_*.py')

.PHONY: help setup run console test test-browser browser-tools grid coverage verify lint fuzz bench bench-tools bench-wire bench-world bench-flood bench-dose soak clean lock real crash mutants verify-calibration whole-tubes dicom-tools test-dicom sbom wheel test-postgres postgres-tools strace-tools paper-tools doctor-page

help:           ## say what each target does
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

$(STAMP): requirements.txt pyproject.toml tools/machine_room/pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is not on this machine; install Python 3.11 with venv, or call make PYTHON=..."; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . -e tools/machine_room
	touch $@

setup: $(STAMP) ## make .venv from the hash-locked requirements

run: $(STAMP)   ## deliver one demonstration fraction on the simulated rig
	$(BIN)/kerma demo

console: $(STAMP) ## the simulated rig with the treatment page: prints the address and the code; Ctrl-C ends all of it; PORT (8321)
	$(BIN)/python -m verification.with_console $(if $(PORT),--port $(PORT))

test: $(STAMP)  ## run the tests: virtual time on what the real processes leave of both cores, and the real processes one after another
	@mkdir -p var; \
	nice -n 19 env $(if $(IN_MEMORY),TMPDIR=$(IN_MEMORY)) $(BIN)/python -m pytest -n 2 --dist worksteal -m "not realtime and not grid and not dicom and not openapi and not postgres" > var/test-virtual.txt 2>&1 & virtual=$$!; \
	trap 'kill $$virtual 2>/dev/null; exit 130' INT TERM; \
	echo "real processes first; what virtual time says follows behind them"; $(BIN)/python -m pytest -m "realtime and not grid and not dicom and not openapi and not postgres" $(REAL); real=$$?; \
	wait $$virtual; code=$$?; cat var/test-virtual.txt; test $$real -eq 0 -a $$code -eq 0

test-browser: $(STAMP) browser-tools ## the interface against its own description; whole treatments on the simulated rig in Debian's chromium; pictures in var/browser
	$(BIN)/python -m pytest -m openapi tests/console
	$(BIN)/python -m pytest tests/browser

browser-tools:  ## install what test-browser needs: chromium and a font, by apt-get as root
	tools/install.sh browser

strace-tools:   ## install strace, by apt-get as root: with it one test also sees every system call of a fraction; without it, it says so
	tools/install.sh strace

paper-tools:    ## install pdftoppm, by apt-get as root: it draws the pages of a certificate and of the reports for docs/
	tools/install.sh paper

grid: $(STAMP)  ## play the rest of the tables of which test plays a slice: each fault in beam, each thing taken away in each state
	$(BIN)/python -m pytest -n 2 -m "grid and not realtime and not dicom and not postgres"
	$(BIN)/python -m pytest -m "grid and realtime" $(REAL)

coverage: $(STAMP) ## every branch of interlocks/ and of the controller files that pyproject.toml names is taken by their unit tests and the search; no exclusions
	@mkdir -p var
	$(BIN)/python -m coverage run -m pytest -m "not realtime and not grid and not dicom and not openapi and not postgres" tests/interlocks $(COVERED) tests/verification/test_explore.py
	$(BIN)/python -m coverage report

verify: $(STAMP) ## the full verification, resumable: search, matrices, crashes, 10,000 seeded runs, 100 hours of beam; PAGE=1 writes docs/verification.md
	nice $(BIN)/python -m verification.verify --workers $(or $(WORKERS),2) $(if $(PAGE),--page)

soak: $(STAMP)  ## ten simulated hours over the edges of 32-bit clocks, each hour as at uptime 0, and ten in one run at 20 Hz; resumable; HOURS=1 of each run
	nice $(BIN)/python -m verification.soak $(if $(HOURS),--hours $(HOURS))

real: $(STAMP)  ## break real processes at SEEDS (56) random instants: kill, stop, unplug, full and failing disk, stepped clock
	$(BIN)/kerma torture --seeds $(or $(SEEDS),56)

crash: $(STAMP) ## an error, a full disk, a kill and a power cut at every call of the records to their disk
	$(BIN)/kerma crash-matrix

verify-calibration: $(STAMP) ## calibrate 200 unknown tubes through the procedures, treat with them, print how often k = 2 holds; make each blunder; PAGE=1 writes docs/dosimetry.md
	nice $(BIN)/python -m verification.calibration_figures $(if $(TUBES),--tubes $(TUBES)) $(if $(PAGE),--page)

whole-tubes: $(STAMP) ## calibrate TUBES (8) unknown tubes and treat with them through the shipped loop, each beside the same tube at the bench; resumable; PAGE=1 writes docs/dosimetry.md
	nice -n 15 $(BIN)/python -m verification.whole_tubes $(if $(TUBES),--tubes $(TUBES)) $(if $(PAGE),--page)

mutants: $(STAMP) ## alter interlocks/ and what decides in every place, and see that a test fails; resumable; ONLY=file, PAIRS=1; PAGE=1 writes the figures
	nice $(BIN)/python -m verification.mutants --workers $(or $(WORKERS),1) $(if $(ONLY),--only $(ONLY)) $(if $(PAIRS),--pairs) $(if $(PAGE),--page)

dicom-tools:    ## install what DICOM is held against: dciodvfy of dicom3tools, storescp of dcmtk, by apt-get as root
	tools/install.sh dicom

test-dicom: $(STAMP) dicom-tools ## every kind of instance through dciodvfy, and sent to storescp: dead, refusing, killed, restarted; PAGE=1 writes docs/dicom.md
	$(BIN)/python -m pytest -m dicom tests/console
	$(BIN)/python -m verification.dicom_page $(if $(PAGE),--page)

postgres-tools: ## install what test-postgres needs: PostgreSQL, by apt-get as root
	tools/install.sh postgres

test-postgres: $(STAMP) postgres-tools ## the records' suite on PostgreSQL, on a server of its own: schema, recorder, copy; killed and away
	$(BIN)/python -m pytest --timeout 300 -m postgres tests/records
	$(BIN)/python -m pytest --timeout 300 --on postgres -m "not grid and not postgres" $(addprefix tests/records/test_,recorder_normal.py recorder_crash.py wires_kept.py day.py heat.py missing.py approved.py backup.py)

lint: $(STAMP)  ## ruff, mypy --strict, import contracts, and every link of the tables of hazards and threats
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m verification.hazards --check
	$(BIN)/python -m verification.threats --check

fuzz: $(STAMP)  ## fuzz every decoder for SECONDS (60); a find is left in var/fuzz/
	$(BIN)/python -m verification.fuzz --seconds $(or $(SECONDS),60)

bench: $(STAMP) bench-tools ## every figure that is promised, in one table; ROW=kernel|block|sums|ring|plant|virtual|react|wake|load|tick|start|memory, JSON, PAGE=1
	$(BIN)/python -m benchmarks.bench $(if $(ROW),--row $(ROW)) $(if $(WINDOWS),--windows $(WINDOWS)) $(if $(JSON),--json $(JSON)) $(if $(PAGE),--page)

bench-tools:    ## install what the benchmarks are measured against: gcc, libmodbus and cyclictest, by apt-get as root
	tools/install.sh bench

bench-wire: $(STAMP) bench-tools ## time one transaction against C libmodbus and pymodbus's clients; writes docs/performance.md
	$(BIN)/python -m benchmarks.wire --page $(if $(WINDOWS),--windows $(WINDOWS)) $(if $(JSON),--json $(JSON))

bench-world: $(STAMP) ## time a virtual world: simulated seconds a second of one core, and where they go
	$(BIN)/python -m benchmarks.world $(if $(SECONDS),--seconds $(SECONDS)) $(if $(JSON),--json $(JSON))

bench-flood: $(STAMP) ## how late ticks begin with the beam on while the console is flooded, against the same run without, and STOP; ROUNDS (3), JSON
	$(BIN)/python -m benchmarks.flood $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(JSON),--json $(JSON))

bench-dose: $(STAMP) ## 500 seeded fractions against their primary channel and the truth, resumable; WORKERS, FRACTIONS; writes docs/dose.md
	nice $(BIN)/python -m benchmarks.dose --page --workers $(or $(WORKERS),1) $(if $(FRACTIONS),--fractions $(FRACTIONS)) $(if $(JSON),--json $(JSON))

doctor-page: $(STAMP) ## as root: kerma doctor's lines about real time, with all privileges and with none, into docs/real-time.md
	$(BIN)/python -m verification.doctor_page

lock:           ## compile requirements.in into hashes (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header requirements.in -o requirements.txt

sbom: $(STAMP)  ## list what is inside a release, from the lock and without network: var/sbom.json (CycloneDX 1.6)
	@mkdir -p var
	$(BIN)/python -m verification.sbom var/sbom.json

wheel: $(STAMP) ## build the release into dist/: the product alone, without simulators and verification
	$(BIN)/python -m hatchling build -t wheel

clean:          ## remove what setup and the tests made
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
