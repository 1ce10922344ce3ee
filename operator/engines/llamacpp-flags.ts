import { type OwnedFlag, remedies } from './refused-flags.ts';

/**
 * llama-server's flags that Fairlead sets, or that would take the engine away from the router and the
 * probes. Spellings and variables from `llama-server --help` of 0.7.
 */
export const llamaCppOwned: readonly OwnedFlag[] = [
  {
    flags: ['--host', '--port', '--reuse-port'],
    variables: ['LLAMA_ARG_HOST', 'LLAMA_ARG_PORT', 'LLAMA_ARG_REUSE_PORT'],
    remedy: remedies.address,
  },
  {
    flags: ['-m', '--model', '-mu', '--model-url', '-dr', '--docker-repo'].concat(
      ['-hf', '-hfr', '--hf-repo', '-hff', '--hf-file'],
      ['--models-dir', '--models-preset', '--models-max', '--models-autoload'],
    ),
    variables: ['LLAMA_ARG_MODEL', 'LLAMA_ARG_MODEL_URL', 'LLAMA_ARG_DOCKER_REPO'].concat(
      ['LLAMA_ARG_HF_REPO', 'LLAMA_ARG_HF_FILE'],
      ['LLAMA_ARG_MODELS_DIR', 'LLAMA_ARG_MODELS_PRESET'],
    ),
    remedy: remedies.model,
  },
  {
    flags: ['-a', '--alias'],
    variables: ['LLAMA_ARG_ALIAS'],
    remedy: remedies.name,
  },
  {
    flags: ['-c', '--ctx-size'],
    variables: ['LLAMA_ARG_CTX_SIZE'],
    remedy: remedies.context,
  },
  {
    flags: ['-np', '--parallel'],
    variables: ['LLAMA_ARG_N_PARALLEL'],
    remedy: remedies.concurrency,
  },
  {
    flags: ['--embedding', '--embeddings'],
    variables: ['LLAMA_ARG_EMBEDDINGS'],
    remedy: 'List Embeddings in spec.engine.features.',
  },
  {
    flags: ['--rerank', '--reranking'],
    variables: ['LLAMA_ARG_RERANKING'],
    remedy: 'List Rerank in spec.engine.features.',
  },
  {
    flags: ['--metrics'],
    variables: ['LLAMA_ARG_ENDPOINT_METRICS'],
    remedy: remedies.metrics,
  },
  {
    flags: ['--api-key', '--api-key-file'],
    variables: ['LLAMA_API_KEY', 'LLAMA_ARG_API_KEY_FILE'],
    remedy: remedies.key,
  },
  {
    flags: ['--ssl-key-file', '--ssl-cert-file'],
    variables: ['LLAMA_ARG_SSL_KEY_FILE', 'LLAMA_ARG_SSL_CERT_FILE'],
    remedy: remedies.tls,
  },
  {
    flags: ['--api-prefix'],
    variables: ['LLAMA_ARG_API_PREFIX'],
    remedy: remedies.prefix,
  },
];

/** The same where the model has adapters. */
export const llamaCppAdapters: readonly OwnedFlag[] = [
  {
    flags: ['--lora', '--lora-scaled', '--lora-init-without-apply'],
    remedy: 'Use spec.adapters.',
  },
  {
    flags: ['--cache-prompt', '--no-cache-prompt'],
    variables: ['LLAMA_ARG_CACHE_PROMPT', 'LLAMA_ARG_NO_CACHE_PROMPT'],
    remedy: 'With spec.adapters the router says which prompts may be kept.',
  },
];
