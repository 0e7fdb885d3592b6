package consoleapi

import (
	"context"

	"signet/internal/core"
	"signet/internal/fault"
)

// ListSessions lists the browsers in which the member is signed in.
func (a *api) ListSessions(ctx context.Context, _ ListSessionsRequestObject) (ListSessionsResponseObject, error) {
	actor := actorOf(ctx)
	list, err := a.identity.ListSessions(ctx, actor)
	if err != nil {
		return nil, err
	}
	return ListSessions200JSONResponse{Items: mapped(list, func(s core.Session) SessionInfo {
		return SessionInfo{
			ID: s.ID.String(), Current: s.ID == actor.SessionID, BegunWith: s.BegunWith, SecondFactor: s.SecondFactor,
			Client: s.Client, Agent: s.Agent,
			CreatedAt: s.CreatedAt.UTC(), RefreshedAt: s.RefreshedAt.UTC(), EndsAt: s.EndsAt.UTC(),
		}
	})}, nil
}

// EndOwnSession signs a browser of the member out.
func (a *api) EndOwnSession(ctx context.Context, r EndOwnSessionRequestObject) (EndOwnSessionResponseObject, error) {
	id, err := core.ParseSessionID(r.SessionID)
	if err := unknownIf(err, fault.SessionUnknown); err != nil {
		return nil, err
	}
	if err := a.identity.EndOwnSession(ctx, actorOf(ctx), id); err != nil {
		return nil, err
	}
	return EndOwnSession204Response{}, nil
}

// EndOtherSessions signs the member out everywhere else.
func (a *api) EndOtherSessions(ctx context.Context, _ EndOtherSessionsRequestObject) (EndOtherSessionsResponseObject, error) {
	ended, err := a.identity.EndOtherSessions(ctx, actorOf(ctx))
	if err != nil {
		return nil, err
	}
	return EndOtherSessions200JSONResponse{Ended: ended}, nil
}

// EndMemberSessions signs another member out everywhere.
func (a *api) EndMemberSessions(ctx context.Context, r EndMemberSessionsRequestObject) (EndMemberSessionsResponseObject, error) {
	id, err := parseMemberID(r.MemberID)
	if err != nil {
		return nil, err
	}
	ended, err := a.identity.EndSessionsOf(ctx, actorOf(ctx), id)
	if err != nil {
		return nil, err
	}
	return EndMemberSessions200JSONResponse{Ended: ended}, nil
}

func parseMemberID(text string) (core.MemberID, error) {
	id, err := core.ParseMemberID(text)
	return id, unknownIf(err, fault.MemberUnknown)
}
