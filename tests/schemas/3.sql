BEGIN TRANSACTION;
CREATE TABLE choices (
                channel text not null,
                name text not null,
                value text not null,
                primary key (channel, name)
            );
INSERT INTO "choices" VALUES('discord:general:','chat_model','gpt-5');
INSERT INTO "choices" VALUES('telegram:-100:7','image_model','nano-banana ☃');
CREATE TABLE switchboard_schema (
    version bigint not null primary key,
    reason text not null,
    applied double precision not null
);
INSERT INTO "switchboard_schema" VALUES(1,'Turns are what is remembered and counted: who asked what where, and what became of it. The claim on an event is the unique pair (channel, source). The order of a channel''s turns is seq, counted by the database as each begins, because clocks step back and two may read the same. A forgotten turn keeps its claim and its counts; its reply is '''' where it had one.',1000.0);
INSERT INTO "switchboard_schema" VALUES(2,'Choices are what a channel has set for itself for good, by name: its model, for example.',1000.0);
INSERT INTO "switchboard_schema" VALUES(3,'A turn is due until its outcome was shown, so that a restart can find what a crash left hanging. What began under older programs is not due: nobody knows what was shown. While a turn runs, shown is what of its reply is on the screen.',1000.0);
CREATE TABLE turns (
                id text not null primary key,
                channel text not null,
                seq bigint not null,
                platform text not null,
                server text not null,
                channel_id text not null,
                thread text not null,
                source text not null,
                user_id text not null,
                user_name text not null,
                command text not null,
                request text not null,
                model text not null,
                status text not null,
                reply text,
                media text not null default '[]',
                prompt_tokens bigint not null default 0,
                reply_tokens bigint not null default 0,
                surface text not null,
                started double precision not null,
                finished double precision,
                forgotten bigint not null default 0, due double precision, shown text,
                unique (channel, source)
            );
INSERT INTO "turns" VALUES('1','discord:general:',1,'discord','harbour','general','','event 1','1','Ann','ask','{"text":"What''s a \"boat\"?\nIn one line: C:\\sea","options":{},"attachments":[],"quoted":null,"roles":[],"moderator":false}','gpt-5','done','It''s a ship''s child ⛵','[]',12,34,'message 1',1000.25,1001.25,0,NULL,NULL);
INSERT INTO "turns" VALUES('2','discord:general:',2,'discord','harbour','general','','event 2','2','Bob 🐻','ask','{"text":"and this?","options":{"model":"claude"},"attachments":[{"kind":"image","media_type":"image/png","name":"cat.png","size":5}],"quoted":{"role":"user","name":"Ann","texts":["see"],"attachments":[{"kind":"image","media_type":"image/png","name":"cat.png","size":5}]},"roles":["admin","cook"],"moderator":true}','claude','stopped','A cat, a','[{"kind":"image","media_type":"image/png","name":"cat.png","size":5}]',5,6,'message 2',1001.0,1002.0,0,NULL,NULL);
INSERT INTO "turns" VALUES('3','discord:general:',3,'discord','harbour','general','','event 3','1','Ann','ask','{"text":"\u0000 and d83d","options":{},"attachments":[],"quoted":null,"roles":[],"moderator":false}','gpt-5','done','0000d83d00100041','[]',1,2,'message 3',1002.0,1003.0,0,NULL,NULL);
INSERT INTO "turns" VALUES('4','discord:general:',4,'discord','harbour','general','','event 4','1','Ann','image','{"text":"a fox","options":{},"attachments":[],"quoted":null,"roles":[],"moderator":false}','nano-banana','failed',NULL,'[]',0,0,'',1003.0,1004.0,0,NULL,NULL);
INSERT INTO "turns" VALUES('5','telegram:-100:7',1,'telegram','','-100','7','event 1','2','Bob 🐻','ask','{"text":"still there?","options":{},"attachments":[],"quoted":null,"roles":["admin","cook"],"moderator":true}','','running',NULL,'[]',0,0,'',1004.0,NULL,0,NULL,NULL);
INSERT INTO "turns" VALUES('6','discord:general:',5,'discord','harbour','general','','event 6','1','Ann','ask','{}','gpt-5','done','','[]',7,8,'message 6',1005.0,1006.0,1,NULL,NULL);
INSERT INTO "turns" VALUES('7','discord:general:',6,'discord','harbour','general','','event 7','1','Ann','ask','{"text":"and now?","options":{},"attachments":[],"quoted":null,"roles":[],"moderator":false,"pressed":true,"again":"2","lost":0}','','running',NULL,'[]',0,0,'message 7',1007.0,NULL,0,4607.0,'It is');
INSERT INTO "turns" VALUES('8','telegram:-100:7',2,'telegram','','-100','7','event 8','2','Bob 🐻','ask','{"text":"hello","options":{},"attachments":[],"quoted":null,"roles":["admin","cook"],"moderator":true,"pressed":false,"again":"","lost":0}','gpt-5','done','Hello you','[]',3,4,'message 8',1008.0,1009.0,0,1020.5,NULL);
CREATE INDEX turns_in_order on turns (channel, seq);
CREATE INDEX turns_remembered on turns (channel, seq)
            where forgotten = 0 and reply is not null
            ;
CREATE INDEX turns_due on turns (platform, due, started, id)
            where due is not null and forgotten = 0
            ;
COMMIT;
