// Package lease decides which of several replicas does a thing now: the one that has created an entry in the store, for
// as long as it extends that entry.
//
// It does not do the thing. A replica that is suspended may notice late that it has lost its lease, so the thing itself
// must bear to be done twice.
package lease
