import type { ReactNode } from 'react';

interface Props {
  /** What it is under way with is going on: no second one is begun. */
  isBusy?: boolean;
  type?: 'button' | 'submit';
  kind?: 'main' | 'side' | 'danger';
  onClick?: () => void;
  children: ReactNode;
}

/** Does one thing. It is never disabled while that goes on: that would throw the keyboard's place away. */
export function ActionButton({ isBusy = false, type = 'button', kind = 'side', onClick, children }: Props) {
  return (
    <button
      type={type}
      className={`${kind}-action`}
      aria-disabled={isBusy}
      onClick={isBusy ? (event) => event.preventDefault() : onClick}
    >
      {children}
    </button>
  );
}
