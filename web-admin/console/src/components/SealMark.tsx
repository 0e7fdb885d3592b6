/**
 * The seal: a stone with uneven corners and the sign of a seal cut through it,
 * in one path. public/favicon.svg draws the same one.
 */
export const sealPath =
  'M2.6 1.3 21.2 1Q22.9 1 22.8 2.6L23 21.3Q23 22.9 21.4 22.8L2.9 23Q1.1 23 1.2 21.2L1 3Q1 1.4 2.6 1.3Z' +
  'M11 4 5 5.8V18.4L11.4 16.6V14.6L7 15.8V12H11V10H7V7.2L11 6Z' +
  'M13 5V20.5H15V7H17V13.4H15.6V15.4H17.4L19 13.8V5Z';

/** Stands once on a page, at 24 px, and nowhere near a danger: it is red as well. */
export function SealMark() {
  return (
    <svg className="seal" viewBox="0 0 24 24" width="24" height="24" aria-hidden="true">
      <rect className="seal-paper" x="4" y="4" width="16" height="17" />
      <path className="seal-stone" fillRule="evenodd" d={sealPath} />
    </svg>
  );
}
