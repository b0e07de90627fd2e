import { describe, expect, it } from 'vitest';
import { convertFamily, embeddedModel } from '../../engine/storm/families.ts';
import { storm } from '../../engine/storm/storm.ts';
import { shapesCheckpointDir } from '../../support/shapes.ts';

/** `scripts/storm.ts` sends many more, to more families. */
const requests = 24;
const seed = 1;

describe('many clients at once, over documents and pictures that they share', () => {
  it.each([
    { family: embeddedModel, round: 2 },
    { family: 'lfm2-vl-tiny', round: 1 },
  ])('get the answers of $family that each would get alone', async ({ family, round }) => {
    const converted = await convertFamily(family, family === embeddedModel ? shapesCheckpointDir : undefined);
    const report = await storm({ family, files: converted.files, seed, round, requests });
    await converted.remove();
    expect(report).toMatchObject({ requests, wrong: [], failures: {}, leftBehind: 0 });
    expect(report.answered).toBeGreaterThan(requests / 2);
    expect(report.cachedTokens).toBeGreaterThan(0);
  });
});
