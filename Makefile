# The inner loop. What must hold before a change is accepted is .ci/run.

.PHONY: short test race fuzz bench lint man

short: ## under a minute; needs nothing but Go
	go test -short ./...

test: ## everything that this machine has the programs for
	go test ./...

race:
	go test -race -short -shuffle=on ./...

fuzz: ## FUZZTIME=1m for more than 10 s each
	.ci/run fuzz

bench: ## one hop and one run of the engine; go run ./bench compares the command with others
	go test -run '^$$' -bench . -benchmem ./pipeline

man: ## the manual page, pipe-demo.1
	go run ./cmd/pipe-demo man > pipe-demo.1

lint:
	.ci/run lint
