import {
  type AuthenticationResponseJSON,
  browserSupportsWebAuthn,
  type PublicKeyCredentialCreationOptionsJSON,
  type PublicKeyCredentialRequestOptionsJSON,
  type RegistrationResponseJSON,
  startAuthentication,
  startRegistration,
  WebAuthnError,
} from '@simplewebauthn/browser';

/** What the browser has said instead of giving a passkey. */
export type PasskeyRefusal = 'cancelled' | 'exists' | 'insecure' | 'failed';

export const canUsePasskeys = (): boolean => browserSupportsWebAuthn();

/** Has the person show a passkey, or tells why there is none. It never throws. */
export function showPasskey(
  optionsJSON: PublicKeyCredentialRequestOptionsJSON,
): Promise<AuthenticationResponseJSON | PasskeyRefusal> {
  return startAuthentication({ optionsJSON }).catch(refusalOf);
}

/** Has the person make a passkey, or tells why there is none. It never throws. */
export function makePasskey(
  optionsJSON: PublicKeyCredentialCreationOptionsJSON,
): Promise<RegistrationResponseJSON | PasskeyRefusal> {
  return startRegistration({ optionsJSON }).catch(refusalOf);
}

// Browsers do not tell "cancelled" from "timed out" or "nothing fits": a page could
// find out by that who has a passkey here.
function refusalOf(error: unknown): PasskeyRefusal {
  const name = error instanceof Error ? error.name : '';
  if (error instanceof WebAuthnError && error.code === 'ERROR_AUTHENTICATOR_PREVIOUSLY_REGISTERED') {
    return 'exists';
  }
  switch (name) {
    case 'NotAllowedError':
    case 'AbortError':
      return 'cancelled';
    case 'InvalidStateError':
      return 'exists';
    case 'SecurityError':
      return 'insecure';
    default:
      return 'failed';
  }
}
