package rig

import (
	"net/http"
	"testing"
)

func TestSignInEndsAtARedirectLoop(t *testing.T) {
	address, server, err := Serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/again", http.StatusFound)
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	if _, err := SignInAll(t.Context(), address, 2, 2); err == nil {
		t.Error("a loop counts as signed in")
	}
}
