-- Lets one process at a time look at the declarations and put some in force, to the end of its transaction.
SELECT FROM durable.instance FOR NO KEY UPDATE;
