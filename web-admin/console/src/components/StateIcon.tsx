/** How things stand: well, in need of somebody's care, or broken. */
export type StateKind = 'working' | 'care' | 'broken';

const strokes: Record<StateKind, string> = {
  working: 'M6.5 12.5 10.5 16.5 17.5 8.5',
  care: 'M12 6.5V13.5M12 16.5V17.5',
  broken: 'M8 8 16 16M16 8 8 16',
};

/** Goes with a word that says the same; colour and form alone tell nobody enough. */
export function StateIcon({ kind }: { kind: StateKind }) {
  return (
    <svg className={`state-icon ${kind}`} viewBox="0 0 24 24" width="24" height="24" aria-hidden="true">
      <circle cx="12" cy="12" r="10.5" />
      <path d={strokes[kind]} />
    </svg>
  );
}
