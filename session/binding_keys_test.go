package session

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

func keysOf(b *Binding) (list []string) {
	for k := range b.Keys {
		list = append(list, k.Place+"="+string(k.Key))
	}
	return list
}

// A47: no record is written that could not be read: with too many keys, or with a place of a key and no key.
func TestRecordWithBadKeysIsRefused(t *testing.T) {
	key := DeviceKey{Place: "a", Key: []byte("k")}
	for want, more := range map[bool][]DeviceKey{true: slices.Repeat([]DeviceKey{key}, MaxKeys-1), false: slices.Repeat([]DeviceKey{key}, MaxKeys)} {
		s := Record{Identity: Identity{Issuer: "i", Subject: "s"}, Binding: Binding{DeviceKey: key, More: more}}
		if err := s.validDraft(); (err == nil) != want {
			t.Errorf("%d more keys: %v", len(more), err)
		}
	}
	s := Record{Identity: Identity{Issuer: "i", Subject: "s"}, Binding: Binding{More: []DeviceKey{{Place: "a"}}}}
	if s.validDraft() == nil {
		t.Error("a place without a key")
	}
}

// V3: A session has one key for each place, at most MaxKeys.
func TestKeysOfPlaces(t *testing.T) {
	var b Binding
	if b.At("a") != nil || b.Named("") != nil || b.Has(KeyID{}) || b.At("a").KeyID() != (KeyID{}) {
		t.Error("a key before there is one")
	}
	for i := range MaxKeys {
		place := fmt.Sprint(i)
		if !b.set(DeviceKey{Place: place, Identifier: "!" + place, Key: []byte(place)}) {
			t.Fatalf("key %d has no room", i)
		}
	}
	if b.set(DeviceKey{Place: "more", Key: []byte("x")}) || b.At("more") != nil {
		t.Error("more than MaxKeys")
	}
	if !b.set(DeviceKey{Place: "3", Identifier: "!new", Key: []byte("x")}) || string(b.At("3").Key) != "x" || b.Named("!3") != nil || b.Named("!new") != b.At("3") {
		t.Errorf("replaced: %v", keysOf(&b))
	}
	s := Record{Binding: b}
	view := s.view([]byte("packed"))
	for k := range b.Keys {
		if !view.Has(k.KeyID()) || !b.Has(k.KeyID()) {
			t.Errorf("%s is not known", k.Place)
		}
	}
	if view.Has((&DeviceKey{Key: []byte("3")}).KeyID()) || view.Has(KeyID{}) || !view.Keyed() {
		t.Error("a key that was replaced, or none, counts")
	}
	if packed, _, _ := view.parts(); string(packed) != "packed" {
		t.Errorf("the record is %q", packed)
	}
	before := Binding{DeviceKey: DeviceKey{Key: []byte("x")}}
	if before.At("anywhere") == nil {
		t.Error("the key of a record of before is of no place")
	}
}

// What a failover has forgotten of a binding comes back, and what the store has learned meanwhile stays.
func TestRebindKeepsBoth(t *testing.T) {
	at := func(n int) time.Time { return time.UnixMilli(int64(n)).UTC() }
	long, short := Limit{Idle: time.Hour, Max: time.Hour}, Limit{Idle: time.Minute, Max: time.Minute}
	known := &Record{Limit: long, Binding: Binding{
		DeviceKey: DeviceKey{Place: "a", Key: []byte("new"), Registered: at(2)}, More: []DeviceKey{{Place: "b", Key: []byte("lost"), Registered: at(1)}}, Since: at(3),
	}}
	stored := &Record{Limit: short, Binding: Binding{
		DeviceKey: DeviceKey{Place: "a", Key: []byte("old"), Registered: at(1)}, More: []DeviceKey{{Place: "c", Key: []byte("other"), Registered: at(4)}}, Limit: long,
	}}
	if !stored.rebind(known) {
		t.Error("nothing was lost")
	}
	if got := keysOf(&stored.Binding); !slices.Equal(got, []string{"a=new", "c=other", "b=lost"}) {
		t.Errorf("keys %v", got)
	}
	if !stored.Binding.Bound() || stored.Limit != long || stored.Binding.Limit != (Limit{}) {
		t.Errorf("%+v, limit %v", stored.Binding, stored.Limit)
	}
	if stored.rebind(known) {
		t.Error("lost again")
	}
	stored.Binding.More[0].Key[0] = 'X'
	if string(known.Binding.More[0].Key) != "lost" || string(known.Binding.Key) != "new" {
		t.Error("memory is shared")
	}
}

// Keys without bytes, and more than there may be, are not read.
func TestDecodeKeyRefuses(t *testing.T) {
	s := fullRecord()
	s.Binding.More[0].Key = nil
	if _, err := decodeRecord(written(s)); err == nil {
		t.Error("a key of no bytes was read")
	}
	s = fullRecord()
	for len(s.Binding.More) < MaxKeys {
		s.Binding.More = append(s.Binding.More, s.Binding.More[0])
	}
	if _, err := decodeRecord(written(s)); err == nil {
		t.Error("more than MaxKeys were read")
	}
}
