CREATE TABLE t (id INT NOT NULL, v SET('v0','v1','v2','v3','v4','v5','v6','v7','v8','v9','v10','v11','v12','v13','v14','v15','v16','v17','v18','v19','v20','v21','v22','v23','v24','v25','v26','v27','v28','v29','v30','v31','v32','v33','v34','v35','v36','v37','v38','v39','v40','v41','v42','v43','v44','v45','v46','v47','v48','v49','v50','v51','v52','v53','v54','v55','v56','v57','v58','v59','v60','v61','v62','v63') NOT NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 4 + 0, 'v63' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 1, 'v0,v63' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 2, 18446744073709551615 FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 3, '' FROM {rows 75};
