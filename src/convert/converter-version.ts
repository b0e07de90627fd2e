/**
 * The version of the conversion, for manifests. It changes whenever the same checkpoint would convert to other bytes, so
 * that a model converted by an older version can be told from what this one would make.
 */
export const converterVersion = '6';
