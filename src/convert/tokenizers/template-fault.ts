import { Template } from '@huggingface/jinja';
import { messageOf } from '../../errors/index.ts';

/**
 * What is wrong with a chat template, with the line where it is found; undefined where the parser that llama.cpp's is
 * modelled on reads it.
 */
export function templateFault(template: string): string | undefined {
  const failure = failureOf(template);
  if (failure === undefined) return undefined;
  if (isEnd(failure)) return 'it ends in the middle of a statement';
  // The parser does not say where it stopped: at the first tag with which it fails for another reason than the end.
  const tagEnds = Array.from(template.matchAll(/[%}]\}/g), ({ index }) => index + 2);
  let passed = -1;
  let failed = tagEnds.length - 1;
  while (failed - passed > 1) {
    const middle = Math.floor((passed + failed) / 2);
    const atMiddle = failureOf(template.slice(0, tagEnds[middle]));
    if (atMiddle === undefined || isEnd(atMiddle)) passed = middle;
    else failed = middle;
  }
  const line = template.slice(0, tagEnds[failed]).split('\n').length;
  return `line ${line}: ${messageOf(failure)}`;
}

function failureOf(template: string): unknown {
  try {
    void new Template(template);
    return undefined;
  } catch (error) {
    return error;
  }
}

/** Past the last token, the parser fails on a missing one. */
function isEnd(failure: unknown): boolean {
  return failure instanceof TypeError || /end of (input|comment)/.test(messageOf(failure));
}
