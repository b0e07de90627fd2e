import type { CommandShape, OptionShape } from './command-shape.ts';

/** A script for zsh that completes verbs, options with their help, and the values of options. */
export function zshScript(commands: readonly CommandShape[]): string {
  const verbs = commands.flatMap(({ names, summary }) => names.map((name) => literal(`${name}:${escaped(summary)}`)));
  return `#compdef vserve
# Completes vserve in zsh: eval "$(vserve completion zsh)"
_vserve() {
  local -a verbs
  verbs=(
${verbs.map((verb) => `    ${verb}`).join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command verbs
    return
  fi
  local verb=$words[2]
  shift words
  (( CURRENT-- ))
  case $verb in
${commands.map(caseOf).join('\n')}
  esac
}
if [ "$funcstack[1]" = "_vserve" ]; then
  _vserve "$@"
else
  compdef _vserve vserve
fi`;
}

function caseOf({ names, options }: CommandShape): string {
  const specifications = [...options.map(specificationOf), literal('*:file:_files')];
  return `    ${names.join('|')})
      _arguments \\
${specifications.map((text) => `        ${text}`).join(' \\\n')}
      ;;`;
}

function specificationOf({ flag, help, isRepeatable, value }: OptionShape): string {
  const action = value === undefined ? '' : `:${escaped(value.name)}:${actionOf(value)}`;
  return literal(`${isRepeatable ? '*' : ''}${flag}[${escaped(help)}]${action}`);
}

function actionOf({ words, isFile }: NonNullable<OptionShape['value']>): string {
  if (words.length > 0) return `(${words.join(' ')})`;
  return isFile ? '_files' : ' ';
}

function escaped(text: string): string {
  return text.replaceAll(/[[\]:\\]/g, String.raw`\$&`);
}

function literal(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
