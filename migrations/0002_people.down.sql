drop table idempotency, principal_key, dashboard_session, api_token, principal_role, principal;
