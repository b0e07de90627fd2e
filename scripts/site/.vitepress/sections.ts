/** The menu: every page of docs/, by its name without `.md`, and how the menu calls it. */
export const sections: readonly {
  readonly title: string;
  readonly pages: readonly (readonly [name: string, text: string])[];
}[] = [
  {
    title: 'Start',
    pages: [
      ['image-to-text', 'Image to text'],
      ['playground', 'Playground'],
      ['models', 'Models'],
      ['lora', 'LoRA adapters'],
    ],
  },
  {
    title: 'Ask',
    pages: [
      ['images', 'Images'],
      ['documents', 'Documents and videos'],
      ['boxes', 'Boxes'],
      ['structured-output', 'Structured output'],
      ['tools', 'Tools and reasoning'],
      ['api', 'API'],
    ],
  },
  {
    title: 'Run',
    pages: [
      ['command-line', 'Command line'],
      ['options', 'Options'],
      ['security', 'Security'],
      ['operating', 'Operating'],
      ['performance', 'Performance'],
      ['scaling', 'Past one machine'],
      ['backends', 'Backends'],
      ['troubleshooting', 'Troubleshooting'],
    ],
  },
];
