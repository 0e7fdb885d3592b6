import { type MouseEvent, type ReactNode, useSyncExternalStore } from 'react';

const moved = 'popstate';

function watch(watcher: () => void): () => void {
  addEventListener(moved, watcher);
  return () => removeEventListener(moved, watcher);
}

/** The path that the page shows, now and after each move. */
export function usePath(): string {
  return useSyncExternalStore(watch, () => location.pathname);
}

/** Shows another page of the console. Instead: the present one is not to be come back to. */
export function go(path: string, { instead = false } = {}): void {
  if (instead) {
    history.replaceState(null, '', path);
  } else {
    history.pushState(null, '', path);
  }
  dispatchEvent(new PopStateEvent(moved));
}

/** Leaves the console for a page of somebody else's. Tests look at it instead of leaving. */
export const leaving = {
  to(address: string): void {
    location.assign(address);
  },
};

interface Props {
  to: string;
  isCurrent?: boolean;
  children: ReactNode;
}

/** Leads to another page of the console, without loading anything. */
export function PageLink({ to, isCurrent = false, children }: Props) {
  function follow(event: MouseEvent) {
    // Another tab or window is the browser's business.
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) {
      return;
    }
    event.preventDefault();
    go(to);
  }
  return (
    <a href={to} onClick={follow} aria-current={isCurrent ? 'page' : undefined}>
      {children}
    </a>
  );
}
