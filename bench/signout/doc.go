// Package signout measures how soon a session that ends at one replica is refused by another.
package signout
