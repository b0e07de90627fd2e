import { useEffect, useRef } from 'preact/hooks';
import type { RefObject } from 'preact';

/** How far from the end the reader may be, in pixels, and still follow what comes. */
const NEAR_END_PX = 80;

interface FollowedArea {
  readonly area: RefObject<HTMLDivElement>;
  /** What grows within the area. */
  readonly content: RefObject<HTMLDivElement>;
  readonly onScroll: () => void;
}

/**
 * Keeps the end of a scrolled area in view while its content grows, until the reader scrolls up. It follows again when
 * the reader comes back to the end, or when there are more items.
 */
export function useFollowEnd(itemCount: number): FollowedArea {
  const area = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  const lastTop = useRef(0);
  const toEnd = (): void => {
    if (follows.current) area.current?.scrollTo({ top: area.current.scrollHeight });
  };
  useEffect(() => {
    // Pictures grow when they are loaded, long after the answer has ended.
    const observer = new ResizeObserver(toEnd);
    if (content.current !== null) observer.observe(content.current);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    follows.current = true;
    toEnd();
  }, [itemCount]);
  const onScroll = (): void => {
    if (area.current === null) return;
    const { scrollHeight, scrollTop, clientHeight } = area.current;
    // The content may have grown since it was scrolled: only a way up is the reader's.
    if (scrollHeight - scrollTop - clientHeight < NEAR_END_PX) follows.current = true;
    else if (scrollTop < lastTop.current) follows.current = false;
    lastTop.current = scrollTop;
  };
  return { area, content, onScroll };
}
