/**
 * The clients, in the order of the table. `environment` is what has to be installed, `package` the one whose version is
 * shown. `model` is 'roomy' for agents, whose own prompts take some ten thousand tokens.
 */
const javaScript = (name, package_, script, other = {}) => ({
  name,
  environment: 'javascript',
  package: package_,
  script: `${script}.mjs`,
  ...other,
});
const python = (name, package_, script, other = {}) => ({
  name,
  environment: 'python',
  package: package_,
  script: `check_${script}.py`,
  ...other,
});
const own = (environment, other = {}) => ({ environment, ...other });

export const clients = [
  javaScript('openai-js', 'openai', 'openai'),
  javaScript('openai-js-responses', 'openai', 'openai-responses'),
  javaScript('openai-agents-js', '@openai/agents', 'openai-agents'),
  javaScript('anthropic-js', '@anthropic-ai/sdk', 'anthropic'),
  javaScript('ollama-js', 'ollama', 'ollama'),
  javaScript('ai-sdk-openai-compatible', '@ai-sdk/openai-compatible', 'ai-sdk-openai-compatible'),
  javaScript('ai-sdk-openai', '@ai-sdk/openai', 'ai-sdk-openai'),
  javaScript('ai-sdk-anthropic', '@ai-sdk/anthropic', 'ai-sdk-anthropic'),
  javaScript('langchain-js', '@langchain/openai', 'langchain'),
  javaScript('promptfoo', 'promptfoo', 'promptfoo', own('promptfoo')),
  javaScript('claude-code', '@anthropic-ai/claude-code', 'claude-code', own('claude-code', { model: 'roomy' })),
  javaScript('codex', '@openai/codex', 'codex', own('codex', { model: 'roomy' })),
  python('openai', 'openai', 'openai'),
  python('openai-responses', 'openai', 'openai_responses'),
  python('openai-agents', 'openai-agents', 'openai_agents'),
  python('anthropic', 'anthropic', 'anthropic'),
  python('ollama', 'ollama', 'ollama'),
  python('sdk-models', 'openai', 'sdk_models'),
  python('langchain', 'langchain-openai', 'langchain'),
  python('instructor', 'instructor', 'instructor', own('instructor')),
  python('pydantic-ai', 'pydantic-ai-slim', 'pydantic_ai'),
  python('litellm', 'litellm', 'litellm'),
  python('litellm-proxy', 'litellm', 'litellm_proxy', own('litellm-proxy')),
  python('llama-index', 'llama-index-llms-openai-like', 'llama_index', own('llama-index')),
  python('llm', 'llm', 'llm', own('llm')),
  python('lm-eval', 'lm-eval', 'lm_eval', own('lm-eval')),
  python('guidellm', 'guidellm', 'guidellm', own('guidellm')),
  python('docling', 'docling', 'docling', own('docling')),
  python('open-webui', 'open-webui', 'open_webui', own('open-webui')),
];

/** Those of these names, or all. Throws for a name that is none. */
export function clientsNamed(names) {
  const unknown = names.filter((name) => clients.every((client) => client.name !== name));
  if (unknown.length > 0) {
    throw new Error(`Not a client: ${unknown.join(', ')}. There are ${clients.map(({ name }) => name).join(', ')}.`);
  }
  return names.length === 0 ? clients : clients.filter(({ name }) => names.includes(name));
}
