import { useState } from 'react';
import type { Answer, Failure } from '../api/call';

/** One thing at a time that is asked of the server, and what did not become of it. */
export interface Task {
  isBusy: boolean;
  failure: Failure | undefined;
  /** Asks, unless something is under way already. Gives the value, or undefined where there is none to be had. */
  run<Value>(ask: () => Promise<Answer<Value>>): Promise<{ value: Value } | undefined>;
  /** Shows a failure that came from elsewhere, or takes what is shown away. */
  tell(failure: Failure | undefined): void;
}

export function useTask(): Task {
  const [isBusy, setBusy] = useState(false);
  const [failure, tell] = useState<Failure>();
  return {
    isBusy,
    failure,
    tell,
    async run(ask) {
      if (isBusy) {
        return undefined;
      }
      tell(undefined);
      setBusy(true);
      const answer = await ask();
      setBusy(false);
      if (answer.kind === 'value') {
        return { value: answer.value };
      }
      tell(answer);
      return undefined;
    },
  };
}
