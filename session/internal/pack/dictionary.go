package pack

// dictionary contains what session records are likely to contain, the most likely last: claims as providers write them,
// browsers, reasons. Records are compressed against it, which helps most with short records. It is part of the stored
// format: a change makes all older records unreadable and needs a new kind besides packedDictionary and
// packedExtracted.
const dictionary = `"https://sts.windows.net/","idp":"https://login.microsoftonline.com/9188040d-6c67-4ac5-b112-36a304b66dad/v2.0",` +
	`"wids":["b79fbf4d-3ef9-4689-8143-76b194e85509"],"_claim_names":{"groups":"src1"},"_claim_sources":{"src1":{"endpoint":"https://graph.windows.net/` +
	`"onprem_sid":"S-1-5-21-","signin_state":["kmsi","dvc_mngd"],"login_hint":"O.","ipaddr":"","rh":"0.A","uti":"","unique_name":"","upn":"","ver":"2.0",` +
	`"xms_","tenant_region_scope":"EU","hasgroups":"true","roles":["admin","user"],"acrs":["c1","p1","urn:user:registersecurityinfo"],"acct":0,` +
	`"realm_access":{"roles":["offline_access","uma_authorization","default-roles-"]},"resource_access":{"account":{"roles":["manage-account","manage-account-links","view-profile"]}},` +
	`"typ":"ID","azp":"","session_state":"","scope":"openid profile email offline_access","urn:mace:incommon:iap:silver","phr","phrh",` +
	`"updated_at":17,"zoneinfo":"Europe/","locale":"en-US","picture":"https://","gravatar","birthdate":"","phone_number":"+","phone_number_verified":false,"address":{"country":` +
	`"nickname":"","middle_name":"","given_name":"","family_name":"","hd":"","department":"","https://accounts.google.com"https://token.actions"https://login.microsoftonline.com/,"tid":"","oid":"` +
	`okta.com/oauth2/default","auth0.com/","/realms/","/application/o/","federated_claims":{"connector_id":"","user_id":""},` +
	`0.0.0 Mobile Safari/604.1Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148` +
	`Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36` +
	`Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15` +
	`Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0` +
	`Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36` +
	`Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0` +
	`guestsuppressedtightenedremembered_yesremembered_nosign_in_frequencypersistent_browserprompt_offinheritedlowmediumhighnoneanswered_noanswered_yesdefault` +
	`"amr":["pwd","mfa","otp","hwk","swk","fido","rsa","wia"],"acr":"1","0","groups":["staff","admins","users"],"email_verified":true,"false,"s_hash":"","c_hash":"","jti":"` +
	`"email":"@example.com","preferred_username":"","name":"","sid":"","sub":"","nonce":"","at_hash":"","auth_time":17,"nbf":17,"iat":17,"exp":17,"aud":"","iss":"https://`
