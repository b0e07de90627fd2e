/** How a question is asked. Numbers are kept as typed; an empty one is left to the server. */
export interface Settings {
  readonly system: string;
  readonly temperature: string;
  readonly topP: string;
  readonly maxTokens: string;
  readonly seed: string;
  readonly thinking: 'auto' | 'on' | 'off';
  readonly isStructured: boolean;
  /** The JSON schema of structured output, as typed. */
  readonly schema: string;
}

export const DEFAULT_SETTINGS: Settings = {
  system: '',
  temperature: '',
  topP: '',
  maxTokens: '',
  seed: '',
  thinking: 'auto',
  isStructured: false,
  schema: '',
};

export interface NumberField {
  readonly label: string;
  readonly min: number;
  readonly max?: number;
  readonly step: number;
}

export const NUMBER_FIELDS = {
  temperature: { label: 'Temperature', min: 0, step: 0.1 },
  topP: { label: 'Top P', min: 0, max: 1, step: 0.05 },
  maxTokens: { label: 'Max tokens', min: 1, step: 1 },
  seed: { label: 'Seed', min: 0, step: 1 },
} as const satisfies Partial<Record<keyof Settings, NumberField>>;

export type NumberName = keyof typeof NUMBER_FIELDS;

export const NUMBER_NAMES = Object.keys(NUMBER_FIELDS) as readonly NumberName[];

/** The number of a field; undefined if it is empty. */
export function numberIn(text: string): number | undefined {
  return text.trim() === '' ? undefined : Number(text);
}

/** What is wrong with a number as typed; undefined if nothing is. */
export function numberProblem(name: NumberName, text: string): string | undefined {
  const field: NumberField = NUMBER_FIELDS[name];
  const value = numberIn(text);
  if (value === undefined) return undefined;
  const { min, max = Infinity } = field;
  const isWhole = field.step === 1;
  if (Number.isFinite(value) && value >= min && value <= max && (!isWhole || Number.isInteger(value))) return undefined;
  const kind = isWhole ? 'a whole number' : 'a number';
  return max === Infinity
    ? `Must be ${kind} from ${String(min)}`
    : `Must be ${kind} from ${String(min)} to ${String(max)}`;
}

/** Settings that were stored, by this version or another: what is missing has its default. */
export function readSettings(stored: Partial<Settings> | undefined): Settings {
  return { ...DEFAULT_SETTINGS, ...stored };
}
