/** Since this tokenizer version, system messages have their own tokens. */
const firstWithSystemTokens = 7;

/**
 * A chat template for models whose checkpoint brings a Tekken tokenizer and no template: the plain conversation of that
 * version's format (https://docs.mistral.ai, "Tokenization"), without tools. Before version 7 the system message stands
 * before the text of the last user message.
 */
export function mistralTemplate(version: number): string {
  return version < firstWithSystemTokens ? early : late;
}

const answer = `{%- elif message['role'] == 'assistant' -%}
{{ message['content'] }}{{ eos_token }}
{%- else -%}
{{ raise_exception('This model takes system, user and assistant messages only.') }}
{%- endif -%}
{%- endfor -%}`;

const late = `{{ bos_token }}
{%- for message in messages -%}
{%- if message['role'] == 'system' -%}
[SYSTEM_PROMPT]{{ message['content'] }}[/SYSTEM_PROMPT]
{%- elif message['role'] == 'user' -%}
[INST]{{ message['content'] }}[/INST]
${answer}`;

const early = `{{ bos_token }}
{%- set turns = messages -%}
{%- set before = '' -%}
{%- if messages[0]['role'] == 'system' -%}
{%- set turns = messages[1:] -%}
{%- set before = messages[0]['content'] + '\\n\\n' -%}
{%- endif -%}
{%- for message in turns -%}
{%- if message['role'] == 'user' -%}
[INST]{{ before if loop.last else '' }}{{ message['content'] }}[/INST]
${answer}`;
