import { useLayoutEffect, useState } from 'react';

/** What a page was come back to with: words of our own, or the code of a failure. */
export type Returned =
  | { kind: 'told'; what: 'bound' | 'proved' | 'welcome' | 'accepted' | 'reset' }
  | { kind: 'factor' }
  | { kind: 'error'; code: string };

const told: Record<string, Returned> = {
  'wecom=bound': { kind: 'told', what: 'bound' },
  proved: { kind: 'told', what: 'proved' },
  welcome: { kind: 'told', what: 'welcome' },
  accepted: { kind: 'told', what: 'accepted' },
  reset: { kind: 'told', what: 'reset' },
  second_factor: { kind: 'factor' },
};

// Behind the "#" of these pages stands the token of a link, which is their own business.
const linkPages = ['/intake', '/invite', '/reset'];

/** Reads what stands behind the "#", undefined where that says nothing. */
function read(): Returned | undefined {
  if (linkPages.includes(location.pathname)) {
    return undefined;
  }
  const text = location.hash.slice(1);
  const code = new URLSearchParams(text).get('error');
  return code === null ? told[text] : { kind: 'error', code };
}

/** What the page was come back to with, taken out of the address, and what puts it aside. */
export function useReturned(): [Returned | undefined, () => void] {
  const [returned, setReturned] = useState(read);
  useLayoutEffect(() => {
    const take = () => {
      const found = read();
      if (found) {
        history.replaceState(history.state, '', location.pathname + location.search);
        setReturned(found);
      }
    };
    take();
    // A move within the console, and an address that is typed into this tab.
    addEventListener('popstate', take);
    addEventListener('hashchange', take);
    return () => {
      removeEventListener('popstate', take);
      removeEventListener('hashchange', take);
    };
  }, []);
  return [returned, () => setReturned(undefined)];
}
