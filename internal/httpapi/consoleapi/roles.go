package consoleapi

import (
	"context"

	"signet/internal/core"
)

// ListRoles shows the table of who may do what.
func (a *api) ListRoles(context.Context, ListRolesRequestObject) (ListRolesResponseObject, error) {
	return ListRoles200JSONResponse{Roles: core.Roles(), Permissions: mapped(core.Rules(), permissionAnswer)}, nil
}

func permissionAnswer(r core.Rule) PermissionRow {
	return PermissionRow{Permission: string(r.Permission), Roles: append([]core.Role{}, r.Roles...), StepUp: r.StepUp, APIKeyScope: r.Scope}
}
