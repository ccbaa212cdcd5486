package policy

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/gaissmai/bart"
)

// Location is what an address shows about the source of a request.
type Location struct {
	// Networks are the names of the networks that contain the address, in the order of the configuration. The caller
	// must not change it.
	Networks []string
	// Trusted and Shared report whether one of these networks is trusted or shared.
	Trusted, Shared bool
	// Known is false if the address is unknown.
	Known bool
}

// Locate returns the networks that contain an address. An invalid address is unknown, which differs from outside.
func (s *Set) Locate(ip netip.Addr) Location { return s.place(ip).Location }

// place is a set of networks that some addresses have in common.
type place struct {
	Location
	number int
}

// places finds the place of an address with one lookup.
type places struct {
	trie     bart.Table[*place]
	all      []*place // by number
	outside  *place   // in no network
	nowhere  *place   // no address
	anyShare bool     // some network is shared
}

func (b *Base) place(ip netip.Addr) *place {
	if !ip.IsValid() {
		return b.places.nowhere
	}
	if p, ok := b.places.trie.Lookup(ip.Unmap()); ok {
		return p
	}
	return b.places.outside
}

// compilePlaces stores for every prefix the union of the networks that cover it, so that the longest match is enough.
func (b *Base) compilePlaces(networks []Network) {
	var owners bart.Table[[]int]
	for i := range networks {
		for _, p := range networks[i].Prefixes {
			p = canonical(p)
			have, _ := owners.Get(p)
			owners.Insert(p, append(slices.Clone(have), i))
		}
		b.places.anyShare = b.places.anyShare || networks[i].Shared
	}
	known := make(map[string]*place)
	for p := range owners.All() {
		var in []int
		for _, ids := range owners.Supernets(p) {
			in = append(in, ids...)
		}
		slices.Sort(in)
		in = slices.Compact(in)
		key := fmt.Sprint(in)
		if known[key] == nil {
			known[key] = b.places.add(networks, in)
		}
		b.places.trie.Insert(p, known[key])
	}
	b.places.outside = b.places.add(networks, nil)
	b.places.nowhere = b.places.add(networks, nil)
	b.places.nowhere.Known = false
}

func (ps *places) add(networks []Network, in []int) *place {
	pl := &place{Location: Location{Known: true}, number: len(ps.all)}
	for _, i := range in {
		pl.Networks = append(pl.Networks, networks[i].Name)
		pl.Trusted = pl.Trusted || networks[i].Trusted
		pl.Shared = pl.Shared || networks[i].Shared
	}
	ps.all = append(ps.all, pl)
	return pl
}

// matches reports whether the place is in one of the named networks.
func (pl *place) matches(names []string) bool {
	return slices.ContainsFunc(names, func(n string) bool {
		return n == TrustedNetworks && pl.Trusted || slices.Contains(pl.Networks, n)
	})
}

// canonical converts an IPv4 prefix in IPv6 form to its IPv4 form, as place does for addresses.
func canonical(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked()
}
