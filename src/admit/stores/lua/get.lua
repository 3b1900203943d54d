-- The records of KEYS at one moment. It might write, for all that Redis knows: so a primary that is cut off from its
-- replicas, and a replica, refuse to answer.
return redis.call('MGET', unpack(KEYS))
