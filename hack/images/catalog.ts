import type { WantedPackages } from './node-modules.ts';
import type { RootfsDefinition } from './rootfs.ts';

/** The images this repository builds, by the names `node hack/images/main.ts build` takes. */
export const imageNames = ['llama-server', 'skiff', 'chat', 'fairlead', 'vllm'] as const;
/** What the demo needs; `vllm` is for tests alone. */
export const demoImages = ['llama-server', 'skiff', 'chat', 'fairlead'] as const;
export type ImageName = (typeof imageNames)[number];

/** What an image is made of. All paths are relative to the repository's root. */
export interface ImageDefinition {
  repository: string;
  /**
   * A fixed tag where users write the image's name in their own objects; `content` where the chart
   * gets it, so that changed sources replace the running pods.
   */
  tag: '1' | 'content';
  dockerfile: string;
  /** Folder of the build context, and what of it the Dockerfile copies. */
  context: string;
  sources: readonly string[];
  excluded: readonly string[];
  /** Root file system put into the context as `rootfs.tar`, for BASE=prepared. */
  rootfs?: RootfsDefinition;
  /** npm packages put into the context as `modules.tar`, for BASE=prepared. */
  modules?: WantedPackages;
}

const nodeRootfs: RootfsDefinition = {
  name: 'node',
  suite: 'bookworm',
  packages: ['libstdc++6'],
  node: true,
};

const llamaRootfs: RootfsDefinition = {
  name: 'llama-server',
  suite: 'forky',
  packages: ['llama.cpp-tools', 'bash', 'coreutils', 'ca-certificates'],
  node: false,
};

const vllmRootfs: RootfsDefinition = {
  name: 'vllm',
  suite: 'bookworm',
  packages: [
    'python3',
    'libgomp1',
    'libnuma1',
    'libstdc++6',
    'util-linux',
    'bash',
    'coreutils',
    'dash',
  ],
  node: false,
};

export const imageCatalog: Readonly<Record<ImageName, ImageDefinition>> = {
  'llama-server': {
    repository: 'local.test/llama-server',
    tag: '1',
    dockerfile: 'images/llama-server/Dockerfile',
    context: 'images/llama-server',
    sources: [],
    excluded: [],
    rootfs: llamaRootfs,
  },
  skiff: {
    repository: 'local.test/skiff',
    tag: '1',
    dockerfile: 'images/skiff/Dockerfile',
    context: 'test/models/skiff',
    sources: ['tiny-chat.gguf'],
    excluded: [],
  },
  vllm: {
    repository: 'local.test/vllm',
    tag: '1',
    dockerfile: 'images/vllm/Dockerfile',
    context: 'images/vllm',
    sources: ['vllm'],
    excluded: [],
    rootfs: vllmRootfs,
  },
  chat: {
    repository: 'local.test/chat',
    tag: '1',
    dockerfile: 'examples/chat/Dockerfile',
    context: 'examples/chat',
    sources: ['package.json', 'chat.ts'],
    excluded: [],
    rootfs: nodeRootfs,
    modules: ['openai'],
  },
  fairlead: {
    repository: 'local.test/fairlead',
    tag: 'content',
    dockerfile: 'Dockerfile',
    context: '.',
    sources: [
      'package.json',
      'LICENSE',
      'crds',
      'kube',
      'protocol',
      'telemetry',
      'operator',
      'router',
    ],
    excluded: ['crds/generate*', '**/*.test.ts', '**/testing'],
    rootfs: nodeRootfs,
    modules: 'production',
  },
};
