import { Check, Copy } from 'lucide-preact';
import { useState } from 'preact/hooks';
import { copyText } from '../state/copy-text.ts';
import { IconButton } from './icon-button.tsx';

/** Copies a text, and shows that it did. */
export function CopyButton({ label, textOf }: { readonly label: string; readonly textOf: () => string }) {
  const [isCopied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    setCopied(await copyText(textOf()));
    setTimeout(() => setCopied(false), 2000);
  };
  return <IconButton icon={isCopied ? Check : Copy} label={isCopied ? 'Copied' : label} onClick={() => void copy()} />;
}
