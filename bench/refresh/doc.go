// Package refresh measures what it costs that the browser of a bound session gets a new short cookie: one refresh after the
// other, and many sessions that refresh at the pace of a day.
package refresh
