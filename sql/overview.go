package sql

import (
	"context"
	"fmt"

	"presence/rooms"
)

// Overview reads what there is of a room, as at one moment (docs/protocol.md 12.3).
// rooms.ErrNotFound: it is not there, or was removed.
func (db *DB) Overview(ctx context.Context, id rooms.RoomID) (*rooms.Overview, error) {
	var o *rooms.Overview
	err := db.snapshot(ctx, fmt.Sprintf("read overview of room %s", id), func(ctx context.Context, s session) error {
		o = &rooms.Overview{}
		return s.overview(ctx, id, o)
	})
	if err != nil {
		return nil, err
	}
	return o, nil
}

func (s session) overview(ctx context.Context, id rooms.RoomID, o *rooms.Overview) error {
	var r roomRow
	if err := s.get(ctx, &r, selectRoom, string(id)); err != nil {
		return err
	}
	if r.ID != string(id) {
		return rooms.ErrNotFound // MySQL does not tell upper from lower case
	}
	o.Room, o.LastActivity = r.record(s.db.log), r.Activity.Time
	err := s.list(ctx, &o.Authorized, `SELECT accountId FROM authorized_for_room WHERE roomId = ? ORDER BY _id`, string(id))
	if err != nil {
		return fmt.Errorf("authorizations: %w", err)
	}
	assigned, err := s.assignments(ctx, []rooms.RoomID{id})
	if err != nil {
		return fmt.Errorf("assigned workgroups: %w", err)
	}
	for _, a := range assigned {
		o.Assigned = append(o.Assigned, a.assignment())
	}
	if o.Tokens, err = s.validTokens(ctx, []rooms.RoomID{id}); err != nil {
		return fmt.Errorf("invites: %w", err)
	}
	if err := s.get(ctx, &o.Messages, `SELECT COUNT(*) FROM message WHERE roomId = ?`, string(id)); err != nil {
		return fmt.Errorf("number of messages: %w", err)
	}
	// There are fewer edits than messages: the edits come first.
	err = s.get(ctx, &o.Edits, `SELECT COUNT(*) FROM message_edit e CROSS JOIN message m ON m.msgId = e.msgId WHERE m.roomId = ?`, string(id))
	if err != nil {
		return fmt.Errorf("number of edits: %w", err)
	}
	return nil
}
