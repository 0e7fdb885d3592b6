import { useCallback, useEffect, useState } from 'react';
import type { Answer, Failure } from '../api/call';

/** What is read for a page: not there yet, there, or not to be had. */
export type Loaded<Value> =
  | { kind: 'loading' }
  | { kind: 'value'; value: Value }
  | { kind: 'failed'; failure: Failure };

/**
 * Reads something for as long as a component is shown. Gives what is there, and what
 * reads anew; meanwhile what was there stays. read must be the same from one drawing to
 * the next, or it is read each time.
 */
export function useLoaded<Value>(read: () => Promise<Answer<Value>>): [Loaded<Value>, () => void] {
  const [loaded, setLoaded] = useState<Loaded<Value>>({ kind: 'loading' });
  const [round, setRound] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new round reads anew
  useEffect(() => {
    let outdated = false;
    void read().then((answer) => {
      if (!outdated) {
        setLoaded(answer.kind === 'value' ? answer : { kind: 'failed', failure: answer });
      }
    });
    return () => {
      outdated = true;
    };
  }, [read, round]);
  return [loaded, useCallback(() => setRound((before) => before + 1), [])];
}
