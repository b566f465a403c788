drop table dataset, decision, policy_pack, ai_system, blob_use, blob_holder, blob;
