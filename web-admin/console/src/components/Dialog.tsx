import { type ReactNode, useEffect, useId, useRef } from 'react';

interface Props {
  /** A question that names the thing, or what is to be done. */
  heading: string;
  /** Left out where it must not be left by accident. */
  onCancel?: () => void;
  children: ReactNode;
}

/** Stands above the page, which waits for it. */
export function Dialog({ heading, onCancel, children }: Props) {
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const shown = dialog.current;
    shown?.showModal();
    return () => shown?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onCancel?.();
      }}
    >
      <h2 id={id} className="dialog-heading">
        {heading}
      </h2>
      {children}
    </dialog>
  );
}
