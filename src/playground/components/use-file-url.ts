import { useEffect, useState } from 'preact/hooks';
import { findFile } from '../storage/files.ts';

/** The address of an attachment's bytes: undefined until they are found, null if they are no longer kept. */
export function useFileUrl(id: string | undefined): string | null | undefined {
  const [url, setUrl] = useState<string | null>();
  useEffect(() => {
    let made: string | undefined;
    let isGone = false;
    const find = async (): Promise<void> => {
      const blob = id === undefined ? undefined : await findFile(id);
      if (isGone) return;
      made = blob && URL.createObjectURL(blob);
      setUrl(made ?? null);
    };
    void find();
    return () => {
      isGone = true;
      if (made !== undefined) URL.revokeObjectURL(made);
    };
  }, [id]);
  return url;
}
