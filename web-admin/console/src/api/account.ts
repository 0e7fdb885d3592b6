import type { Language } from '../i18n/languages';
import { type Answer, call, type Failure, type Method } from './call';
import { type Member, refresh, type Session, signOut } from './signin';

/**
 * How things stand with the one who uses this page. Asked: the server is being asked.
 * Lost: the session was ended while its page was in use; the page stays where it is
 * until somebody signs in again.
 */
export type Standing =
  | { kind: 'asked' }
  | { kind: 'unreachable' }
  | { kind: 'out' }
  | { kind: 'in'; member: Member }
  | { kind: 'lost'; member: Member };

/** What the page shows of an account: how things stand, and whether a call waits for a proof. */
export interface View {
  standing: Standing;
  proofWanted: boolean;
}

// Tells that this browser may have a refresh cookie, so that who was never signed in
// is not asked about. It is no secret and lets nobody in.
const hintKey = 'signet.session';

// A token this close to its end is replaced before it is used, in milliseconds.
const margin = 30_000;

// Each of them may be met once on the way of a call: a token that is over, a session
// that is over, a proof that is too old.
const mostTries = 4;

const refused = (code: string) => (answer: Answer<unknown>) =>
  answer.kind === 'problem' && answer.problem.code === code;
const isOver = refused('session.required');
const wantsProof = refused('session.step_up_required');

/**
 * The account that is signed in on this page. It holds the access token in memory and
 * nowhere else, gets new ones by the refresh cookie, one at a time, and calls what
 * needs one. What a call needs of the person meanwhile (signing in again, proving once
 * more who they are) is told in the view; the call waits and then goes on by itself.
 */
export class Account {
  private view: View = { standing: { kind: 'asked' }, proofWanted: false };
  private readonly watchers = new Set<() => void>();
  private token: string | undefined;
  private tokenUntil = 0;
  private refreshing: Promise<Failure | undefined> | undefined;
  private waitingForSignIn: ((came: boolean) => void)[] = [];
  private waitingForProof: ((proved: boolean) => void)[] = [];

  /** Calls back after each change of the view; gives what ends that. */
  readonly watch = (watcher: () => void): (() => void) => {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  };

  readonly look = (): View => this.view;

  /** Finds out who is signed in, after the page was loaded. */
  async resume(language: Language): Promise<void> {
    if (!mayBeSignedIn()) {
      this.show({ kind: 'out' });
      return;
    }
    this.show({ kind: 'asked' });
    const failure = await this.refresh(language);
    if (failure && isOver(failure)) {
      this.forget();
    } else if (failure) {
      this.show({ kind: 'unreachable' });
    }
  }

  /** Takes over a session that has begun. Calls of another member's that wait are given up. */
  enter(session: Session): void {
    const { standing } = this.view;
    const isSame = standing.kind !== 'lost' || standing.member.id === session.member.id;
    this.keep(session);
    this.settleSignIn(isSame);
  }

  /** Signs out. Gives what failed; then nothing has changed. */
  async leave(language: Language): Promise<Failure | undefined> {
    const answer = await signOut(language);
    if (answer.kind !== 'value') {
      return answer;
    }
    this.forget();
    return undefined;
  }

  /** Gives the session up, as one that was ended elsewhere. */
  forget(): void {
    this.token = undefined;
    remember(false);
    this.show({ kind: 'out' });
    this.settleSignIn(false);
    this.settleProof(false);
  }

  /** Tells the calls that wait whether the member has proved who they are. */
  settleProof(proved: boolean): void {
    const waiting = this.waitingForProof;
    this.waitingForProof = [];
    this.change({ proofWanted: false });
    for (const settle of waiting) {
      settle(proved);
    }
  }

  /** Calls an operation as the one who is signed in. It never throws. */
  async call<Value>(
    method: Method,
    path: string,
    language: Language,
    body?: unknown,
  ): Promise<Answer<Value>> {
    let answer: Answer<Value> = { kind: 'unreachable' };
    for (let tries = 0; tries < mostTries; tries++) {
      const failure = await this.ready(language);
      if (failure) {
        return failure;
      }
      answer = await call(method, path, { language, token: this.token, withCookies: true, body });
      if (isOver(answer)) {
        this.token = undefined;
      } else if (!wantsProof(answer) || !(await this.askProof())) {
        return answer;
      }
    }
    return answer;
  }

  /** As call, but proves nothing: for what is part of proving. */
  async callWithoutProof<Value>(
    method: Method,
    path: string,
    language: Language,
    body?: unknown,
  ): Promise<Answer<Value>> {
    const failure = await this.ready(language);
    return failure ?? call(method, path, { language, token: this.token, withCookies: true, body });
  }

  /** Sees to it that there is a token, also by having the person sign in again. */
  private async ready(language: Language): Promise<Failure | undefined> {
    if (this.token && Date.now() < this.tokenUntil) {
      return undefined;
    }
    const failure = await this.refresh(language);
    if (!failure || !isOver(failure)) {
      return failure;
    }
    return (await this.askSignIn()) ? undefined : failure;
  }

  /** Gets a token by the refresh cookie. Whoever asks meanwhile gets the same answer. */
  private refresh(language: Language): Promise<Failure | undefined> {
    this.refreshing ??= alone(() => refresh(language)).then((answer) => {
      this.refreshing = undefined;
      if (answer.kind !== 'value') {
        return answer;
      }
      this.enter(answer.value);
      return undefined;
    });
    return this.refreshing;
  }

  private askSignIn(): Promise<boolean> {
    const { standing } = this.view;
    if (standing.kind !== 'in' && standing.kind !== 'lost') {
      return Promise.resolve(false);
    }
    this.token = undefined;
    const settled = new Promise<boolean>((resolve) => this.waitingForSignIn.push(resolve));
    this.show({ kind: 'lost', member: standing.member });
    return settled;
  }

  /** Has the member prove once more who they are; false where they would not. */
  askProof(): Promise<boolean> {
    // In this order: whoever watches may settle at once.
    const settled = new Promise<boolean>((resolve) => this.waitingForProof.push(resolve));
    this.change({ proofWanted: true });
    return settled;
  }

  private settleSignIn(came: boolean): void {
    const waiting = this.waitingForSignIn;
    this.waitingForSignIn = [];
    for (const settle of waiting) {
      settle(came);
    }
  }

  private keep({ accessToken, expiresIn, member }: Session): void {
    this.token = accessToken;
    this.tokenUntil = Date.now() + expiresIn * 1000 - margin;
    remember(true);
    this.show({ kind: 'in', member });
  }

  private show(standing: Standing): void {
    this.change({ standing });
  }

  private change(part: Partial<View>): void {
    this.view = { ...this.view, ...part };
    for (const watcher of this.watchers) {
      watcher();
    }
  }
}

/**
 * Runs one refresh at a time over all tabs of this browser. They share the cookie, which
 * is good once: of two that send the same one the second would be refused.
 */
function alone<Value>(run: () => Promise<Value>): Promise<Value> {
  const locks = globalThis.navigator?.locks;
  return locks ? (locks.request(hintKey, run) as Promise<Value>) : run();
}

/** Notes that this browser may come back signed in, as it does from WeCom, or that it does not. */
export function remember(isSignedIn: boolean): void {
  try {
    if (isSignedIn) {
      localStorage.setItem(hintKey, '1');
    } else {
      localStorage.removeItem(hintKey);
    }
  } catch {
    // A browser may refuse storage; then the server is asked each time.
  }
}

function mayBeSignedIn(): boolean {
  try {
    return localStorage.getItem(hintKey) !== null;
  } catch {
    return true;
  }
}
