import type { LoadedModel, SamplingSettings } from '../backend/index.ts';

/** A model whose own sampling defaults yield to these. */
export function withSamplingDefaults(model: LoadedModel, defaults: Partial<SamplingSettings> = {}): LoadedModel {
  if (Object.keys(defaults).length === 0) return model;
  const info = { ...model.info, samplingDefaults: { ...model.info.samplingDefaults, ...defaults } };
  return new Proxy(model, {
    get(target, name) {
      if (name === 'info') return info;
      const member: unknown = Reflect.get(target, name, target);
      // A method may use private members, which a proxy has not.
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
}
