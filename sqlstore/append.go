package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"strconv"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
)

const (
	// statementRows is how many rows one statement adds.
	statementRows = 256
	// maxBatch is how many events a batch may hold.
	maxBatch = 4096
)

// Append implements [inbox.Store].
func (in *Inbox) Append(ctx context.Context, b inbox.Batch) ([]inbox.Appended, error) {
	const op = "append"
	if err := checkBatch(b); err != nil {
		return nil, fail(op, commerce.NotSent, err)
	}
	out, sent, err := in.db.appendAtOnce(ctx, op, b)
	if out != nil || err != nil {
		return out, err
	}
	err = in.db.write(ctx, op, func(ctx context.Context, s *session) (err error) {
		out, err = s.append(ctx, b)
		return err
	})
	if e, ok := err.(*commerce.Error); ok && sent {
		e.Outcome = commerce.Unknown // a part was stored before
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

// AppendTx appends a batch inside the caller's transaction: it is stored when the
// caller commits. Workers of other processes hear of it at their next look.
func (in *Inbox) AppendTx(ctx context.Context, tx *sql.Tx, b inbox.Batch) ([]inbox.Appended, error) {
	const op = "append in transaction"
	if err := checkBatch(b); err != nil {
		return nil, fail(op, commerce.NotSent, err)
	}
	s, err := in.db.enterTx(ctx, tx, false)
	if err != nil {
		return nil, fail(op, commerce.NotSent, err)
	}
	out, err := s.append(ctx, b)
	if err != nil {
		return nil, fail(op, commerce.NotSent, err)
	}
	return out, nil
}

func checkBatch(b inbox.Batch) error {
	switch {
	case b.ID == "":
		return refusal(commerce.KindInvalid, "", "the batch has no ID")
	case b.Revise != nil && len(b.Revise) != len(b.Events):
		return refusal(commerce.KindInvalid, "", "%d hashes for %d events", len(b.Revise), len(b.Events))
	case len(b.Events) > maxBatch:
		return refusal(commerce.KindLimit, "", "%d events in a batch; at most %d", len(b.Events), maxBatch)
	}
	for _, e := range b.Events {
		if err := checkEvent(e); err != nil {
			return err
		}
	}
	return texts("the batch's ID", b.ID, "the feed", b.Feed, "the cursor", b.Cursor)
}

func checkEvent(e commerce.Event) error {
	return texts("the event's tenant", e.Ref.Tenant, "the event's type", e.Type, "the event's object", e.Object,
		"the event's person", e.Person, "the event's API version", e.APIVersion)
}

// identity is what the unique index of events holds.
type identity struct{ ref, clash string }

// stored is a row of events as Append reads it back.
type stored struct {
	seq    int64
	object string
	batch  string
}

func (s *session) append(ctx context.Context, b inbox.Batch) ([]inbox.Appended, error) {
	out := make([]inbox.Appended, len(b.Events))
	events, at := b.Events, make([]int, len(b.Events)) // what to insert, and its place in the batch
	if b.Feed != "" {
		// First, so that two pollers of one feed take turns from here on.
		if err := s.moveCursor(ctx, b); err != nil {
			return nil, err
		}
	}
	for i := range at {
		at[i] = i
	}
	var same []bool // the content is what it was: not to be inserted, only found
	if b.Revise != nil {
		var err error
		if events, same, err = s.revise(ctx, b); err != nil {
			return nil, err
		}
	}
	first := make(map[string]int, len(at)) // first place of an identity in the batch
	for len(at) > 0 {
		n := min(len(at), statementRows)
		if err := s.appendSome(ctx, b, events, same, at[:n], first, out); err != nil {
			return nil, err
		}
		at = at[n:]
	}
	return out, nil
}

// appendSome stores the events at the given places and says what became of each.
func (s *session) appendSome(ctx context.Context, b inbox.Batch, events []commerce.Event, same []bool, at []int,
	first map[string]int, out []inbox.Appended) error {
	batch := b.ID
	refs := make([]string, len(at))
	var fresh []int
	for j, i := range at {
		refs[j] = events[i].Ref.String()
		if _, again := first[refs[j]]; again {
			continue
		}
		first[refs[j]] = i
		if same == nil || !same[i] {
			fresh = append(fresh, i)
		}
	}
	added, err := s.addEvents(ctx, batch, events, fresh, false)
	if err != nil {
		return err
	}
	found, err := s.find(ctx, refs, false)
	if err != nil {
		return err
	}
	var queued, clashing []int
	for j, i := range at {
		row, ok := found[identity{ref: refs[j]}]
		if !ok {
			out[i] = inbox.Appended{Duplicate: true} // a polled object whose last event was pruned
			continue
		}
		if row.object != events[i].Object {
			clashing = append(clashing, i)
			continue
		}
		isNew := row.batch == batch && first[refs[j]] == i && (same == nil || !same[i])
		out[i] = inbox.Appended{Seq: row.seq, Duplicate: !isNew}
		if isNew {
			queued = append(queued, i)
		}
	}
	// MySQL counts what was there before as well.
	if int(added) != len(queued) || s.keys {
		if queued, err = s.unheard(ctx, queued, out); err != nil {
			return err
		}
	}
	if err := s.enqueue(ctx, queued, out, b.Repair); err != nil {
		return err
	}
	if len(clashing) == 0 {
		return nil
	}
	return s.appendClashing(ctx, batch, events, clashing, out)
}

// appendClashing keeps events whose identity belongs to another object as dead rows.
func (s *session) appendClashing(ctx context.Context, batch string, events []commerce.Event, clashing []int, out []inbox.Appended) error {
	first := map[identity]int{}
	var refs []string
	var fresh []int
	for _, i := range clashing {
		id := identity{events[i].Ref.String(), clashOf(events[i])}
		refs = append(refs, id.ref)
		if _, again := first[id]; !again {
			first[id] = i
			fresh = append(fresh, i)
		}
	}
	if _, err := s.addEvents(ctx, batch, events, fresh, true); err != nil {
		return err
	}
	found, err := s.find(ctx, refs, true)
	if err != nil {
		return err
	}
	var buried []int
	for _, i := range clashing {
		id := identity{events[i].Ref.String(), clashOf(events[i])}
		row := found[id]
		isNew := row.batch == batch && first[id] == i
		out[i] = inbox.Appended{Seq: row.seq, Clash: true, Duplicate: !isNew}
		if isNew {
			buried = append(buried, i)
		}
	}
	if buried, err = s.unheard(ctx, buried, out); err != nil {
		return err
	}
	if len(buried) == 0 {
		return nil
	}
	seqs := make([]int64, len(buried))
	for j, i := range buried {
		seqs[j] = out[i].Seq
	}
	_, err = s.exec(ctx, `INSERT INTO {queue}
		(seq, tenant, subject, created, repair, state, due, attempts, starts, generation, ended, reason, code, handler)
		SELECT seq, tenant, subject, created, 0, 'dead', NULL, 0, 0, 1, received, ?, 'clash', '' FROM {events} WHERE seq = ANY ?`,
		"the same event id came before with another object", seqs)
	return err
}

// unheard leaves out the events of a batch that was stored before, where its
// answer got lost: they wait, or are worked, or have ended.
func (s *session) unheard(ctx context.Context, which []int, out []inbox.Appended) ([]int, error) {
	if len(which) == 0 {
		return nil, nil
	}
	seqs, heard := make([]int64, len(which)), map[int64]bool{}
	for j, i := range which {
		seqs[j] = out[i].Seq
	}
	for _, table := range []string{"{queue}", "{ended}"} {
		err := s.each(ctx, func(rows *sql.Rows) error {
			var seq int64
			err := rows.Scan(&seq)
			heard[seq] = true
			return err
		}, "SELECT seq FROM "+table+" WHERE seq = ANY ?{latest}", seqs)
		if err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(slices.Clone(which), func(i int) bool { return heard[out[i].Seq] }), nil
}

// clashOf marks a clashing row; never empty, as that is the mark of the first row.
func clashOf(e commerce.Event) string { return "object:" + e.Object }

func (s *session) addEvents(ctx context.Context, batch string, events []commerce.Event, which []int, clash bool) (int64, error) {
	n := len(which)
	if n == 0 {
		return 0, nil
	}
	columns, err := eventColumns(batch, events, which, s.now, clash)
	if err != nil {
		return 0, err
	}
	return s.insert(ctx, "{events}", s.keeping("ref"), columns...)
}

// receivedColumn is the place of received in eventColumns.
const receivedColumn = 9

// eventColumns puts events into columns; the first is their identity.
func eventColumns(batch string, events []commerce.Event, which []int, now int64, clash bool) ([]column, error) {
	n := len(which)
	type strings = []string
	ref, mark, tenant, kind := make(strings, n), make(strings, n), make(strings, n), make(strings, n)
	object, subject, person, version := make(strings, n), make(strings, n), make(strings, n), make(strings, n)
	batches, overlay := make(strings, n), make(strings, n)
	created, received, raw := make([]int64, n), make([]int64, n), make([][]byte, n)
	for j, i := range which {
		e := events[i]
		ref[j], tenant[j], kind[j], object[j] = e.Ref.String(), e.Ref.Tenant, e.Type, e.Object
		if clash {
			mark[j] = clashOf(e)
		}
		subject[j], person[j], version[j], batches[j] = e.SubjectRef().String(), e.Person, e.APIVersion, batch
		created[j], received[j] = micros(e.Created), now
		if raw[j] = e.Raw; e.Raw == nil {
			raw[j] = []byte{}
		}
		var err error
		if overlay[j], err = overlayText(e.Overlay); err != nil {
			return nil, err
		}
	}
	return []column{{"ref", ref}, {"clash", mark}, {"tenant", tenant}, {"type", kind}, {"object", object},
		{"subject", subject}, {"person", person}, {"api_version", version}, {"created", created},
		{"received", received}, {"batch", batches}, {"overlay", overlay}, {"raw", raw}}, nil
}

// find reads rows back by identity: what the table says is the truth about what was new.
func (s *session) find(ctx context.Context, refs []string, clash bool) (map[identity]stored, error) {
	found := make(map[identity]stored, len(refs))
	which := " AND clash = ''"
	if clash {
		which = " AND clash <> ''"
	}
	return found, s.each(ctx, func(rows *sql.Rows) error {
		var id identity
		var r stored
		if err := rows.Scan(&id.ref, &id.clash, &r.seq, &r.object, &r.batch); err != nil {
			return err
		}
		found[id] = r
		return nil
	}, "SELECT ref, clash, seq, object, batch FROM {events} WHERE ref = ANY ?"+which+"{latest}", refs)
}

// enqueue makes new events due at once.
func (s *session) enqueue(ctx context.Context, which []int, out []inbox.Appended, repair bool) error {
	if len(which) == 0 {
		return nil
	}
	lane := live
	if repair {
		lane = mending
	}
	seqs := make([]int64, len(which))
	for j, i := range which {
		seqs[j] = out[i].Seq
	}
	_, err := s.exec(ctx, `INSERT INTO {queue}
		(seq, tenant, subject, created, repair, state, due, attempts, starts, generation, ended, reason, code, handler)
		SELECT seq, tenant, subject, created, ?, 'ready', received, 0, 0, 1, 0, '', '', '' FROM {events} WHERE seq = ANY ?`, lane, seqs)
	return err
}

func overlayText(o commerce.Overlay) (string, error) {
	if len(o) == 0 {
		return "", nil
	}
	b, err := json.Marshal(o)
	if err != nil {
		return "", refusal(commerce.KindInvalid, "overlay", "the overlay has no JSON form: %w", err)
	}
	return string(b), nil
}

// revision is what the store remembers of a polled object.
type revision struct {
	hash   string
	n      int64
	batch  string
	before *revision // where batch found it
}

// revise gives the events of a poller their identity, object@n, and says which of
// them hold what the object held before.
func (s *session) revise(ctx context.Context, b inbox.Batch) ([]commerce.Event, []bool, error) {
	refs := make([]string, len(b.Events))
	for i, e := range b.Events {
		refs[i] = toldKey(e.Ref)
	}
	known := make(map[string]*revision, len(refs))
	for i := 0; i < len(refs); i += statementRows {
		some := refs[i:min(len(refs), i+statementRows)]
		err := s.each(ctx, func(rows *sql.Rows) error {
			var ref string
			r, before := &revision{}, &revision{}
			if err := rows.Scan(&ref, &r.hash, &r.n, &r.batch, &before.hash, &before.n); err != nil {
				return err
			}
			r.before = before
			if r.batch == b.ID {
				// The batch was stored and its answer got lost: decide as it did then.
				r = before
			}
			known[ref] = r
			return nil
		}, `SELECT ref, hash, revision, batch, prior_hash, prior_revision FROM {revisions}
			WHERE ref = ANY ? ORDER BY ref{lock}`, some)
		if err != nil {
			return nil, nil, err
		}
	}
	events, same := make([]commerce.Event, len(refs)), make([]bool, len(refs))
	for i, e := range b.Events {
		last := known[refs[i]]
		if last == nil {
			last = &revision{}
		}
		if same[i] = last.n > 0 && last.hash == b.Revise[i]; !same[i] {
			next := &revision{hash: b.Revise[i], n: last.n + 1, batch: b.ID, before: last}
			if last.batch == b.ID && last.before != nil {
				next.before = last.before
			}
			last = next
			known[refs[i]] = last
		}
		e.Ref.ID += "@" + strconv.FormatInt(last.n, 10)
		events[i] = e
	}
	return events, same, s.saveRevisions(ctx, b.ID, refs, known)
}

func (s *session) saveRevisions(ctx context.Context, batch string, refs []string, known map[string]*revision) error {
	var ref, hash, batches, priorHash []string
	var n, priorN []int64
	for _, name := range slices.Compact(slices.Sorted(slices.Values(refs))) {
		if r := known[name]; r.batch == batch {
			ref, hash, batches, n = append(ref, name), append(hash, r.hash), append(batches, batch), append(n, r.n)
			priorHash, priorN = append(priorHash, r.before.hash), append(priorN, r.before.n)
		}
	}
	for i := 0; i < len(ref); i += statementRows {
		j := min(len(ref), i+statementRows)
		_, err := s.insert(ctx, "{revisions}", s.replacing("ref", "hash", "revision", "batch", "prior_hash", "prior_revision"),
			column{"ref", ref[i:j]}, column{"hash", hash[i:j]}, column{"revision", n[i:j]}, column{"batch", batches[i:j]},
			column{"prior_hash", priorHash[i:j]}, column{"prior_revision", priorN[i:j]})
		if err != nil {
			return err
		}
	}
	return nil
}
