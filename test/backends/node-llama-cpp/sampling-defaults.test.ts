import { expect, it } from 'vitest';
import { samplingDefaultsOf } from '../../../backends/node-llama-cpp/sampling-defaults.ts';

it("reads every sampling key that llama.cpp's files have", () => {
  const keys = {
    sequence: 'penalties;top_n_sigma;top-k;typ_p;top_p;min_p;xtc;temperature;infill',
    top_k: 40,
    top_p: 0.9,
    min_p: 0.05,
    xtc_probability: 0.5,
    xtc_threshold: 0.2,
    temp: 0.7,
    penalty_last_n: 64n,
    penalty_repeat: 1.1,
    mirostat: 2,
    mirostat_tau: 4,
    mirostat_eta: 0.2,
  };
  expect(samplingDefaultsOf(keys)).toEqual({
    topK: 40,
    topP: 0.9,
    minP: 0.05,
    xtcProbability: 0.5,
    xtcThreshold: 0.2,
    temperature: 0.7,
    penaltyWindow: 64,
    repetitionPenalty: 1.1,
    mirostat: 2,
    mirostatTau: 4,
    mirostatEta: 0.2,
    samplers: ['noRepeatNgram', 'penalties', 'topNSigma', 'topK', 'typicalP', 'topP', 'minP', 'xtc', 'temperature'],
  });
});

it('leaves out what means nothing, and knows what turns a sampler off', () => {
  expect(samplingDefaultsOf({})).toEqual({});
  expect(samplingDefaultsOf({ top_k: 0 })).toEqual({ topK: -1 });
  const nonsense = { temp: NaN, top_p: -1, penalty_repeat: 0, mirostat: 1.5, min_p: 'a', sequence: '__proto__;what' };
  expect(samplingDefaultsOf(nonsense)).toEqual({});
});
