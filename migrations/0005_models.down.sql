drop table report, deployment, approval, model;
