import { type ReactNode, useLayoutEffect, useRef } from 'react';
import type { Language } from '../i18n/languages';
import { StateIcon, type StateKind } from './StateIcon';

interface Props {
  kind: StateKind;
  heading: string;
  /** Of the heading, where it is not the page's. */
  language?: Language;
  children: ReactNode;
}

/**
 * The one thing that the page says. The heading takes the focus, so that a screen
 * reader reads it when it takes the place of a form.
 */
export function Notice({ kind, heading, language, children }: Props) {
  const title = useRef<HTMLHeadingElement>(null);
  // Together with the change itself: nobody sees the heading before it has the focus.
  useLayoutEffect(() => title.current?.focus(), []);
  return (
    <section className="told">
      <StateIcon kind={kind} />
      <div>
        <h1 ref={title} tabIndex={-1} lang={language}>
          {heading}
        </h1>
        {children}
      </div>
    </section>
  );
}
