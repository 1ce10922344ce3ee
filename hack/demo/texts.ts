/** Where to look when the cluster does not come up or an image is not built. */
export const whereCluster = (): string[] => [
  'node hack/cluster/main.ts status     each component, whether it runs, and its log',
];

/** Where to look when the chart's pods do not become ready. */
export const whereInstall = (): string[] => [
  'make kubectl ARGS="get pods --all-namespaces"',
  'make kubectl ARGS="--namespace fairlead describe pods"',
  'make kubectl ARGS="--namespace fairlead logs deployment/fairlead-operator"',
  'make kubectl ARGS="--namespace fairlead logs deployment/fairlead-router"',
];

/** Where to look when the model does not become ready or does not answer. */
export const whereModel = (): string[] => [
  'make kubectl ARGS="describe mdep/skiff"',
  'make kubectl ARGS="logs --selector fairlead.dev/model-deployment=skiff"',
  'make kubectl ARGS="--namespace fairlead logs deployment/fairlead-operator"',
  'make kubectl ARGS="--namespace fairlead logs deployment/fairlead-router"',
];

/** What to try when the demo has ended. */
export const nextCommands = `Try next:

  make kubectl ARGS="--namespace fairlead port-forward service/fairlead-router 8080:80" &
  curl http://127.0.0.1:8080/v1/chat/completions -H 'content-type: application/json' \\
    -d '{"model": "skiff", "messages": [{"role": "user", "content": "Who are you?"}]}'

  make kubectl ARGS="scale mdep/skiff --replicas=3"

  make kubectl ARGS="delete mdep/skiff"

make demo again uses what is there; make demo-down removes it all.`;
