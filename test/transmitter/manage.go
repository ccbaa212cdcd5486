package transmitter

import (
	"encoding/json"
	"net/http"
	"slices"
	"sync"

	"github.com/latchkey-gateway/latchkey/session"
)

// ManageSecret is what requests about streams need as bearer token.
const ManageSecret = "a-secret-to-manage-streams-xxxxxxxxx"

// streams are the streams of a transmitter. The zero value has none.
type streams struct {
	lock     sync.Mutex
	one      Map // the only stream; nil if there is none
	status   string
	subjects []any
}

// endpoints is what the metadata says of the management of streams.
func endpoints(origin string) Map {
	return Map{
		"configuration_endpoint": origin + "/stream", "status_endpoint": origin + "/status", "verification_endpoint": origin + "/verify",
		"add_subject_endpoint": origin + "/add", "remove_subject_endpoint": origin + "/remove", "default_subjects": "NONE",
		"delivery_methods_supported": []string{"urn:ietf:rfc:8935", "urn:ietf:rfc:8936"},
	}
}

// Stream creates the stream, with delivery by push to an address, or by poll if that is empty.
func (tr *Transmitter) Stream(pushTo string) {
	tr.streams.lock.Lock()
	defer tr.streams.lock.Unlock()
	delivery := Map{"method": "urn:ietf:rfc:8935", "endpoint_url": pushTo}
	if pushTo == "" {
		delivery = Map{"method": "urn:ietf:rfc:8936"}
	}
	tr.streams.status = "enabled"
	tr.streams.one = Map{"stream_id": session.NewRandom(8), "iss": tr.Issuer, "aud": Audience, "delivery": delivery, "min_verification_interval": 60}
}

// SetStatus is what an operator of the transmitter does in its console.
func (tr *Transmitter) SetStatus(status string) {
	tr.streams.lock.Lock()
	defer tr.streams.lock.Unlock()
	tr.streams.status = status
}

// Change changes what the transmitter says of the stream.
func (tr *Transmitter) Change(member string, value any) {
	tr.streams.lock.Lock()
	defer tr.streams.lock.Unlock()
	tr.streams.one[member] = value
}

// Subjects are the subjects that were added.
func (tr *Transmitter) Subjects() []any {
	tr.streams.lock.Lock()
	defer tr.streams.lock.Unlock()
	return append([]any(nil), tr.streams.subjects...)
}

// manage answers requests about streams (Shared Signals Framework, section 8.1). It reports whether the request is one.
func (tr *Transmitter) manage(w http.ResponseWriter, r *http.Request) bool {
	s := &tr.streams
	if !slices.Contains([]string{"/stream", "/status", "/verify", "/add", "/remove"}, r.URL.Path) {
		return false
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	var body Map
	_ = json.NewDecoder(r.Body).Decode(&body)
	id, _ := body["stream_id"].(string)
	if id == "" {
		id = r.URL.Query().Get("stream_id")
	}
	known := s.one != nil && s.one["stream_id"] == id
	status, answer := http.StatusOK, any(nil)
	switch at := r.Method + " " + r.URL.Path; {
	case r.Header.Get("Authorization") != "Bearer "+ManageSecret && !tr.hasToken(r):
		status, answer = http.StatusUnauthorized, Map{"err": "authentication_failed", "description": "no credentials"}
	case at == "GET /stream" && id == "":
		all := []Map{}
		if s.one != nil {
			all = append(all, s.one)
		}
		answer = all
	case at == "POST /stream" && s.one != nil:
		status = http.StatusConflict
	case at == "POST /stream":
		s.one, s.status = body, "enabled"
		s.one["stream_id"], s.one["iss"], s.one["aud"] = session.NewRandom(8), tr.Issuer, Audience
		s.one["events_delivered"], s.one["min_verification_interval"] = body["events_requested"], 60
		if delivery, _ := body["delivery"].(Map); delivery["method"] == "urn:ietf:rfc:8936" {
			delivery["endpoint_url"] = "http://" + r.Host + "/poll"
		}
		status, answer = http.StatusCreated, s.one
	case !known:
		status = http.StatusNotFound
	case at == "GET /stream":
		answer = s.one
	case at == "PATCH /stream":
		for name, value := range body {
			s.one[name] = value
		}
		s.one["events_delivered"] = s.one["events_requested"]
		answer = s.one
	case at == "DELETE /stream":
		s.one, s.subjects = nil, nil
		status = http.StatusNoContent
	case at == "GET /status":
		answer = Map{"stream_id": id, "status": s.status, "reason": map[string]string{"paused": "maintenance"}[s.status]}
	case at == "POST /verify":
		status = http.StatusNoContent
		delivery, _ := s.one["delivery"].(Map)
		go tr.verification(delivery, id, body["state"])
	case at == "POST /add":
		s.subjects = append(s.subjects, body["subject"])
	case at == "POST /remove":
		s.subjects, status = nil, http.StatusNoContent
	default:
		status = http.StatusMethodNotAllowed
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if answer != nil {
		_ = json.NewEncoder(w).Encode(answer)
	}
	return true
}

// verification sends the event that a receiver has asked for.
func (tr *Transmitter) verification(delivery Map, stream string, state any) {
	url, _ := delivery["endpoint_url"].(string)
	authorization, _ := delivery["authorization_header"].(string)
	event := tr.Token(SSF+"verification", Map{"format": "opaque", "id": stream}, nil, Map{"events": Map{SSF + "verification": Map{"state": state}}})
	if delivery["method"] == "urn:ietf:rfc:8936" {
		tr.Queue(event)
		return
	}
	_, _ = TryPush(http.DefaultClient, url, event, "Authorization", authorization)
}
