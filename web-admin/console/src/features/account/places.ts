import type { Answer } from '../../api/call';
import type { Operations } from '../../api/factors';
import type { Role } from '../../api/signin';

/** A tenant that the member belongs to. */
export interface TenantPlace {
  id: string;
  /** Undefined where it is not told, as of a tenant that has gone meanwhile. */
  name: string | undefined;
  role: Role;
  wantsSecondFactor: boolean;
  isSuspended: boolean;
}

/** What the member is, and where. */
export interface Places {
  platformRole: Role | null;
  tenants: TenantPlace[];
}

/**
 * Reads what the member is now, which may be other than at the sign-in, and the names
 * of the tenants. Members see their own in the list; the platform's people see all in
 * it, so those that are not on its first page are read one by one.
 */
export async function readPlaces(operations: Operations): Promise<Answer<Places>> {
  const [member, listed] = await Promise.all([operations.readMember(), operations.readTenants()]);
  if (member.kind !== 'value') {
    return member;
  }
  if (listed.kind !== 'value') {
    return listed;
  }
  const known = new Map(listed.value.items.map((tenant) => [tenant.id, tenant]));
  const tenants = await Promise.all(
    member.value.tenantRoles.map(async ({ tenantId, role }): Promise<TenantPlace> => {
      let tenant = known.get(tenantId);
      if (!tenant) {
        const answer = await operations.readTenant(tenantId);
        tenant = answer.kind === 'value' ? answer.value : undefined;
      }
      return {
        id: tenantId,
        name: tenant?.name,
        role,
        wantsSecondFactor: tenant?.secondFactorRequired ?? false,
        isSuspended: tenant?.status === 'suspended',
      };
    }),
  );
  return { kind: 'value', value: { platformRole: member.value.platformRole, tenants } };
}
