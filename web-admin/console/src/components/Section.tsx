import { type ReactNode, useId } from 'react';
import { useTranslation } from 'react-i18next';
import { ActionButton } from './ActionButton';
import { Refusal } from './Refusal';
import type { Loaded } from './useLoaded';

interface Props<Value> {
  heading: string;
  lead?: string;
  loaded: Loaded<Value>;
  onAgain: () => void;
  children: (value: Value) => ReactNode;
}

/** A part of a page that stands on something read: until that is there it says so, and whether it is not to be had. */
export function Section<Value>({ heading, lead, loaded, onAgain, children }: Props<Value>) {
  const { t } = useTranslation();
  const id = useId();
  return (
    <section className="part" aria-labelledby={id}>
      <h2 id={id}>{heading}</h2>
      {lead && <p className="hint">{lead}</p>}
      {loaded.kind === 'loading' && <output className="hint">{t('common.loading')}</output>}
      {loaded.kind === 'failed' && (
        <>
          <Refusal failure={loaded.failure} />
          <ActionButton onClick={onAgain}>{t('common.again')}</ActionButton>
        </>
      )}
      {loaded.kind === 'value' && children(loaded.value)}
    </section>
  );
}
