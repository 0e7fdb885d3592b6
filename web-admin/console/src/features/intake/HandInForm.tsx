import { type FormEvent, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Problem } from '../../api/call';
import { type Handed, handIn } from '../../api/intake';
import { StateIcon } from '../../components/StateIcon';
import { useLanguage } from '../../i18n/useLanguage';
import { endsLink, IntakeProblem } from './IntakeProblem';
import { SecretField } from './SecretField';

type Outcome = { kind: 'empty' } | { kind: 'problem'; problem: Problem } | { kind: 'unreachable' };

interface Props {
  token: string;
  onHanded: (handed: Handed) => void;
  /** Unsure: an earlier try had no answer and may have been what used the link. */
  onEnded: (problem: Problem, unsure: boolean) => void;
}

/** Takes the secret and hands it in. What was typed stays until the server has taken it. */
export function HandInForm({ token, onHanded, onEnded }: Props) {
  const { t } = useTranslation();
  const language = useLanguage();
  const field = useRef<HTMLInputElement>(null);
  const [secret, setSecret] = useState('');
  const [outcome, setOutcome] = useState<Outcome>();
  const [trying, setTrying] = useState(false);
  const [unsure, setUnsure] = useState(false);

  async function submit(event: FormEvent) {
    event.preventDefault();
    if (trying) {
      return;
    }
    if (!secret.trim()) {
      setOutcome({ kind: 'empty' });
      field.current?.focus();
      return;
    }
    setOutcome(undefined);
    setTrying(true);
    const answer = await handIn(token, secret, language);
    setTrying(false);
    if (answer.kind === 'value') {
      onHanded(answer.value);
    } else if (answer.kind === 'problem' && endsLink(answer.problem)) {
      onEnded(answer.problem, unsure);
    } else {
      setUnsure(unsure || answer.kind === 'unreachable');
      setOutcome(answer);
    }
  }

  const complaint = fieldComplaint(outcome);
  return (
    <form className="hand-in" noValidate onSubmit={submit}>
      <SecretField
        ref={field}
        value={secret}
        onChange={setSecret}
        isFixed={trying}
        complaint={complaint === 'empty' ? t('intake.empty') : complaint}
      />
      {outcome && complaint === undefined && <Refusal outcome={outcome} />}
      {/* Not disabled while it is tried: that would throw the keyboard's place away. */}
      <button type="submit" className="main-action" aria-disabled={trying}>
        {trying ? t('intake.trying') : t('intake.submit')}
      </button>
      <output className="wait">
        {trying && (
          <>
            <progress aria-label={t('intake.trying')} />
            {t('intake.wait')}
          </>
        )}
      </output>
    </form>
  );
}

/** What is wrong with what stands in the field itself. */
function fieldComplaint(outcome: Outcome | undefined): string | undefined {
  if (outcome?.kind !== 'problem') {
    return outcome?.kind === 'empty' ? 'empty' : undefined;
  }
  return outcome.problem.fields.find(([pointer]) => pointer === '/secret')?.[1];
}

function Refusal({ outcome }: { outcome: Outcome }) {
  const { t } = useTranslation();
  return (
    <div role="alert" className="told refusal">
      <StateIcon kind={outcome.kind === 'problem' ? 'broken' : 'care'} />
      <div>
        {outcome.kind === 'problem' ? (
          <>
            <h2 lang={outcome.problem.language}>{outcome.problem.title}</h2>
            <IntakeProblem problem={outcome.problem} />
          </>
        ) : (
          <>
            <h2>{t('intake.unreachable.heading')}</h2>
            <p>{t('intake.unreachable.unsure')}</p>
          </>
        )}
      </div>
    </div>
  );
}
