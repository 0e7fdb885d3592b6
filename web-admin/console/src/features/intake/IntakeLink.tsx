import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Answer, Problem } from '../../api/call';
import { type Handed, type Intake, readIntake } from '../../api/intake';
import { Notice } from '../../components/Notice';
import { useLanguage } from '../../i18n/useLanguage';
import { HandInForm } from './HandInForm';
import { IntakeFacts } from './IntakeFacts';
import { endsLink, IntakeProblem } from './IntakeProblem';

type State =
  | { kind: 'reading' }
  | { kind: 'open'; intake: Intake }
  | { kind: 'failed'; problem: Problem; unsure: boolean }
  | { kind: 'unreachable' }
  | { kind: 'handed'; handed: Handed };

/** One link, from the question what it is for to what became of the secret. */
export function IntakeLink({ token }: { token: string }) {
  const { t } = useTranslation();
  const language = useLanguage();
  const [state, setState] = useState<State>({ kind: 'reading' });
  const [question, setQuestion] = useState({ language });

  useEffect(() => {
    let outdated = false;
    void readIntake(token, question.language).then((answer) => {
      if (!outdated) {
        setState((before) => read(before, answer));
      }
    });
    return () => {
      outdated = true;
    };
  }, [token, question]);

  // The server speaks the language it was asked in: after a switch it is asked again.
  const spoken = state.kind === 'failed' ? state.problem.language : language;
  useEffect(() => {
    if (spoken !== language) {
      setQuestion({ language });
    }
  }, [spoken, language]);

  const again = () => {
    setState({ kind: 'reading' });
    setQuestion({ language });
  };

  switch (state.kind) {
    case 'reading':
      return <output className="lead">{t('intake.reading')}</output>;
    case 'open':
      return (
        <>
          <IntakeFacts intake={state.intake} />
          <HandInForm
            token={token}
            onHanded={(handed) => setState({ kind: 'handed', handed })}
            onEnded={(problem, unsure) => setState({ kind: 'failed', problem, unsure })}
          />
        </>
      );
    case 'handed':
      return (
        <Notice
          kind={state.handed.state === 'current' ? 'working' : 'care'}
          heading={t(`intake.${state.handed.state}.heading`)}
        >
          <p>{t(`intake.${state.handed.state}.text`)}</p>
        </Notice>
      );
    case 'failed':
      return (
        <Notice kind="care" heading={state.problem.title} language={state.problem.language}>
          <IntakeProblem problem={state.problem} unsure={state.unsure} />
          {!endsLink(state.problem) && <Again onClick={again} />}
        </Notice>
      );
    case 'unreachable':
      return (
        <Notice kind="care" heading={t('intake.unreachable.heading')}>
          <p>{t('intake.unreachable.text')}</p>
          <Again onClick={again} />
        </Notice>
      );
  }
}

/** What the page shows after an answer. What the person was told stays when only its language is asked for. */
function read(before: State, answer: Answer<Intake>): State {
  switch (answer.kind) {
    case 'value':
      return { kind: 'open', intake: answer.value };
    case 'problem':
      return {
        kind: 'failed',
        problem: answer.problem,
        unsure: before.kind === 'failed' && before.unsure,
      };
    case 'unreachable':
      return before.kind === 'failed' ? before : { kind: 'unreachable' };
  }
}

function Again({ onClick }: { onClick: () => void }) {
  const { t } = useTranslation();
  return (
    <button type="button" className="main-action" onClick={onClick}>
      {t('intake.again')}
    </button>
  );
}
