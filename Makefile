# Node 24 comes from the npm package `node`; an older Node on the system is enough to install it.
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
SHELL := /bin/bash
.DEFAULT_GOAL := help
CLUSTER_NAME ?= demo
CLUSTER ?= local
export CLUSTER_NAME CLUSTER

.PHONY: help install demo demo-down test unit e2e soak-kube soak-rollout soak-alerts bench-kube bench-routing bench-autoscaling bench-elasticity bench-telemetry check audit fmt generate cluster cluster-down cluster-status kubectl images vllm programs conformance fuzz

help: ## List the tasks
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

node_modules/.installed: package.json package-lock.json .npmrc
	npm ci --no-audit --loglevel=error
	@touch $@

install: node_modules/.installed ## Install the dependencies, Node 24 among them

demo: install ## A real cluster, the chart, a model, a streamed answer
	node hack/demo/main.ts up

demo-down: install ## Remove the demo with its cluster
	node hack/demo/main.ts down

test: check $(if $(CI),vllm programs) test/conformance/clients/node_modules/.installed ## Every test a machine can run; ends with "N passed, N failed, N skipped"
	vitest run

unit: install ## Only the tests beside the code (no root, no cluster)
	vitest run --project unit

e2e: install ## Only the end-to-end tests; one file: make e2e ARGS=test/e2e/healing.test.ts
	vitest run --project e2e $(ARGS)

soak-kube: install ## Ten minutes of random faults between the runtime and a real API server
	node --expose-gc test/kube/soak.ts 600

soak-rollout: install ## Rollouts, scale-downs, drains and evictions under load, and five minutes at rest
	FAIRLEAD_ROLLOUT_ROUNDS=5 vitest run --project e2e test/e2e/rollout.test.ts --testTimeout=1200000
	FAIRLEAD_REST_SECONDS=300 vitest run --project api test/operator/lifecycle.test.ts --testTimeout=600000

soak-alerts: install ## Ten minutes of healthy traffic under a real Prometheus: no alert fires
	FAIRLEAD_HEALTHY_SECONDS=600 vitest run --project e2e test/e2e/prometheus.test.ts

bench-kube: install ## Figures of the Kubernetes runtime beside client-node's, into bench/kube/
	node bench/kube/main.ts

bench-routing: install ## Balancing rules in virtual time, into bench/routing/ (TRACE=path of Mooncake's trace; PIECES=path to do it in parts)
	MOONCAKE_TRACE=$(TRACE) nice node bench/routing/main.ts --engines $(if $(PIECES),--pieces $(PIECES) --for-s 400)

bench-telemetry: install ## What metrics, log and spans cost a request, into bench/telemetry/
	node bench/telemetry/main.ts

bench-elasticity: install ## Scale from zero, readiness and steps; first answers beside a hand-made Deployment
	node bench/elasticity/main.ts

bench-autoscaling: install ## Autoscaling rules in virtual time, into docs/autoscaling-rules.md (TRACE=path of Mooncake's trace)
	MOONCAKE_TRACE=$(TRACE) nice node bench/autoscaling/main.ts

check: install ## Format, lint, import arrows, types, generated files
	biome check --error-on-warnings .
	tsc
	node crds/generate.ts --check
	node router/openai/generate-reference.ts --check
	node docs/reference/generate-telemetry.ts --check
	node charts/dashboards/generate.ts --check

audit: install ## Known vulnerabilities in what the image holds (asks the npm registry)
	npm audit --omit=dev

fmt: install ## Format and fix what can be fixed
	biome check --write .

generate: install ## Write the CRDs and the reference pages anew from the code
	node crds/generate.ts
	node router/openai/generate-reference.ts
	node docs/reference/generate-telemetry.ts
	node charts/dashboards/generate.ts

cluster: install ## Bring up a real two-node Kubernetes (CLUSTER_NAME=demo, CLUSTER=local|kind)
	node hack/cluster/main.ts up

cluster-down: install ## Remove it and all it left
	node hack/cluster/main.ts down

cluster-status: install ## Each component of that cluster, whether it runs, and its log
	node hack/cluster/main.ts status

kubectl: install ## kubectl on that cluster: make kubectl ARGS="get pods -A"
	@node hack/cluster/main.ts kubectl $(ARGS)

test/conformance/clients/node_modules/.installed: $(addprefix test/conformance/clients/,package.json package-lock.json) | install
	npm ci --prefix test/conformance/clients --no-audit --loglevel=error
	@touch $@

conformance: vllm test/conformance/clients/node_modules/.installed ## Clients and suites against llama-server, vLLM, aimock: direct and routed agree
	tsc -p test/conformance/clients
	node test/conformance/main.ts $(ARGS)

fuzz: install ## 100,000 mutated requests and replies through a router (make test: 5,000)
	node test/fuzz/main.ts $(ARGS)

vllm: install ## Fetch the real vLLM for processors into the cache folder (2 GB; once)
	node hack/vllm/main.ts

programs: install ## Build the programs of others that some tests run against (Go; once)
	node hack/programs/main.ts

images: install ## Build the container images
	node hack/images/main.ts build
